// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore

/// Remembers every decision it is told about.
public final class RecordingObserver: DecisionObserver {
  private let state = Mutex<[DecisionRecord]>([])

  /// Starts with nothing remembered.
  public init() {}

  /// Remembers one decision.
  public func observe(_ record: DecisionRecord) { self.state.withLock { $0.append(record) } }

  /// The decisions so far, in their order.
  public var records: [DecisionRecord] { self.state.withLock { $0 } }

  /// The reasons of the denials so far, in their order.
  public var reasons: [DenialReason] { self.records.compactMap { $0.decision.denial?.reason } }

  /// Forgets everything.
  public func reset() { self.state.withLock { $0 = [] } }
}

/// A verifier that refuses every token, and counts how often it was asked.
public final class FailingTokenVerifier: TokenVerifier {
  private let failure: VerificationFailure
  private let count = Atomic<Int>(0)

  /// - Parameters:
  ///   - reason: why every token is refused.
  ///   - issuer: the issuer that the failure names.
  public init(_ reason: DenialReason = .dependencyUnavailable, issuer: Issuer? = nil) {
    self.failure = VerificationFailure(reason, issuer: issuer)
  }

  /// How often a token was presented.
  public var calls: Int { self.count.load(ordering: .relaxed) }

  /// Throws the failure that was asked for.
  public func verify(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal {
    self.count.wrappingAdd(1, ordering: .relaxed)
    throw self.failure
  }
}

/// A verifier that knows one principal for every token and counts how often it was asked. It proves
/// nothing: for tests of what comes after verification.
public final class FixedTokenVerifier: TokenVerifier {
  private let principal: Principal
  private let count = Atomic<Int>(0)

  /// - Parameter assertion: what is said of every token.
  public init(_ assertion: Principal.Assertion) {
    self.principal = Principal(assertingVerified: assertion)
  }

  /// How often a token was presented.
  public var calls: Int { self.count.load(ordering: .relaxed) }

  /// Answers with the principal that was asked for.
  public func verify(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal {
    self.count.wrappingAdd(1, ordering: .relaxed)
    return self.principal
  }
}

/// A key source that a test can fill, replace and empty: the issuer that is down, and the rotation.
public final class SwitchableKeys: KeySource {
  private let state: Mutex<KeySet?>

  /// - Parameter keys: the keys to start with; none unless given.
  public init(_ keys: KeySet? = nil) { self.state = Mutex(keys) }

  /// The keys of the moment.
  public func current(at now: Moment) -> KeySet? { self.state.withLock { $0 } }

  /// Replaces the keys; nil empties the source.
  public func set(_ keys: KeySet?) { self.state.withLock { $0 = keys } }
}

/// A single-use memory that cannot be reached.
public struct UnreachableSingleUse: SingleUseMemory {
  /// Makes one.
  public init() {}

  /// Answers that it cannot be known.
  public func claim(
    _ id: TokenID,
    of issuer: Issuer,
    until expiry: UnixTime,
    at now: Moment
  ) -> Bool? {
    nil
  }
}

/// Remembers which calls were let in and how they ended.
public final class RecordingStreams: StreamObserver {
  private let state = Mutex((opened: 0, ends: [StreamEnd]()))

  /// Makes one that has seen nothing.
  public init() {}

  /// Takes note of a call that begins.
  public func streamOpened() { self.state.withLock { $0.opened += 1 } }
  /// Takes note of a call that ends.
  public func streamEnded(_ end: StreamEnd) { self.state.withLock { $0.ends.append(end) } }

  /// How many calls were let in.
  public var opened: Int { self.state.withLock { $0.opened } }
  /// How those ended that are over, in that order.
  public var ends: [StreamEnd] { self.state.withLock { $0.ends } }
}
