// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// The last login that OpenBao refused, and when the same credentials may be presented again.
///
/// OpenBao locks a role for everybody after five wrong logins without 15 quiet minutes between them; a
/// process with an old secret_id must not lock out those with a new one. But not every refusal is
/// final: a secret_id that was made on one node may not have reached the next. So the same credentials
/// are presented once more after a minute, and then left alone for longer than OpenBao counts.
struct LoginRefusal: Sendable {
  /// How long before they are presented once more.
  static let pause: Duration = .seconds(60)
  /// How long they are left alone after that.
  static let hold: Duration = .seconds(16 * 60)

  private let credentials: TokenFingerprint
  private let time: Duration
  /// How many refusals there were without a hold between them, whatever was presented.
  private let count: Int
  private let until: Duration

  /// - Parameters:
  ///   - now: monotonic time before they were presented.
  ///   - last: the refusal before this one, if no login came between them.
  init(of credentials: TokenFingerprint, at now: Duration, after last: LoginRefusal?) {
    let isRepeated = last?.credentials == credentials
    self.credentials = credentials
    self.time = now
    if let last, now < last.time + Self.hold {
      self.count = last.count + 1
    } else {
      self.count = 1
    }
    // Somebody who puts one wrong secret_id after the other into the file gets one attempt for each:
    // a second one would use up the five twice as fast.
    self.until = now + (isRepeated || self.count > 2 ? Self.hold : Self.pause)
  }

  func holdsBack(_ credentials: TokenFingerprint, at now: Duration) -> Bool {
    self.credentials == credentials && now < self.until
  }
}
