// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// How things stand between this process and OpenBao, for readiness pages and metrics. It contains
/// no secret.
public struct OpenBaoStatus: Sendable, Hashable {
  /// A failure and when it happened.
  public struct LastFailure: Sendable, Hashable {
    /// What happened.
    public let failure: OpenBaoFailure
    /// When; nil if the clock could not be read.
    public let time: UnixTime?
  }

  /// Until when the present login is valid unless it is revoked; nil without a login.
  public internal(set) var authenticatedUntil: UnixTime?
  /// When OpenBao last gave a login, a renewal or a secret.
  public internal(set) var lastSuccess: UnixTime?
  /// The last time that it did not; it stays after later successes.
  public internal(set) var lastFailure: LastFailure?
  /// How many wrapping tokens turned out to be used before, or not to be the ones that OpenBao made.
  /// Anything but zero is a reason to look into the audit log of OpenBao.
  public internal(set) var wrappedTokenReuses = 0

  /// Whether the last attempt failed, whatever it was.
  public internal(set) var isFailing = false
}

/// Something worth a log line or a count.
public enum OpenBaoEvent: Sendable, Hashable {
  /// A new login.
  case loggedIn(until: UnixTime)
  /// The login was prolonged.
  case renewed(until: UnixTime)
  /// Something was not given. Where ``OpenBaoFailure/isAlarm`` is true, log it as an error and wake
  /// somebody.
  case failed(OpenBaoFailure)
}

/// Is told what happens between this process and OpenBao, after it happened.
public protocol OpenBaoObserver: Sendable {
  /// Called from wherever the event happened; it must not block.
  func openBao(_ event: OpenBaoEvent)
}
