// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// The questions that are under way, and who waits for each. Used under a lock.
struct IntrospectionQuestions {
  typealias Continuation = CheckedContinuation<TokenLookup.Outcome, Never>

  enum Entry {
    /// Too many, or the issuer failed a moment ago.
    case refused
    /// The question is under way.
    case waiting
    /// The caller has to ask.
    case first
  }

  /// The first pause after a failure; doubled by each further one.
  static let firstPause: Duration = .seconds(1)
  /// The longest pause after failures.
  static let longestPause: Duration = .seconds(30)

  private var waiting: [TokenFingerprint: [UInt64: Continuation]] = [:]
  private(set) var waitingCount = 0
  private var places: UInt64 = 0
  private var failures = 0
  private var pausedUntil: Duration?

  var count: Int { self.waiting.count }

  mutating func newPlace() -> UInt64 {
    self.places &+= 1
    return self.places
  }

  mutating func enter(
    _ fingerprint: TokenFingerprint,
    place: UInt64,
    _ continuation: Continuation,
    isKnown: Bool,
    at now: Duration
  ) -> Entry {
    guard self.waitingCount < IntrospectionVerifier.mostWaiting else { return .refused }
    if let waiting = self.waiting[fingerprint] {
      // One token cannot have all the room.
      guard waiting.count < IntrospectionVerifier.mostWaitingForOne else { return .refused }
      self.waiting[fingerprint]?[place] = continuation
      self.waitingCount += 1
      return .waiting
    }
    if let pausedUntil {
      // One question finds out whether the issuer is back.
      guard now >= pausedUntil, self.waiting.isEmpty else { return .refused }
    }
    // Some room is kept for tokens that were good a moment ago: made-up ones cannot have it.
    let room = IntrospectionVerifier.mostRequests
    guard self.waiting.count < (isKnown ? room : room - room / 4) else { return .refused }
    self.waiting[fingerprint] = [place: continuation]
    self.waitingCount += 1
    return .first
  }

  /// Somebody gives up. The question stays: others may wait for it, and its answer is remembered.
  mutating func leave(_ fingerprint: TokenFingerprint, place: UInt64) -> Continuation? {
    guard let continuation = self.waiting[fingerprint]?.removeValue(forKey: place) else {
      return nil
    }
    self.waitingCount -= 1
    return continuation
  }

  /// - Parameters:
  ///   - isUp: whether the issuer answered at all; nil where it was not asked.
  ///   - now: the moment; nil while the clock fails.
  mutating func end(
    _ fingerprint: TokenFingerprint,
    isUp: Bool?,
    at now: Duration?
  ) -> [Continuation] {
    if isUp == true {
      self.failures = 0
      self.pausedUntil = nil
    } else if isUp == false, let now, self.pausedUntil.map({ now >= $0 }) ?? true {
      // Questions that fail together are one failure.
      self.failures = min(self.failures + 1, 16)
      self.pausedUntil = now + min(Self.firstPause * (1 << (self.failures - 1)), Self.longestPause)
    }
    let continuations = self.waiting.removeValue(forKey: fingerprint).map { Array($0.values) } ?? []
    self.waitingCount -= continuations.count
    return continuations
  }
}
