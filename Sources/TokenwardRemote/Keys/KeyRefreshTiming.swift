// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// How often an issuer is asked for its keys, and how long an answer counts.
public struct KeyRefreshTiming: Sendable, Hashable {
  /// How long the last good keys count while no newer ones can be had. After that every token of the
  /// issuer is denied as unavailable: nobody can know any more which keys were withdrawn.
  /// One hour unless said otherwise; 1 minute to 24 hours.
  public var maximumStaleness: Duration
  /// The least time between two requests that unknown keys in tokens cause; 30 seconds unless said
  /// otherwise, at least 1 second.
  public var cooldown: Duration
  /// How often keys are fetched when the issuer says nothing about it (`Cache-Control`). Five minutes
  /// unless said otherwise.
  public var interval: Duration
  /// The shortest interval that an issuer can ask for: one minute.
  public var shortestInterval: Duration
  /// The longest interval that an issuer can ask for, and so how long a key that it has withdrawn
  /// still works: 15 minutes.
  public var longestInterval: Duration

  /// The defaults.
  public init() {
    self.maximumStaleness = .seconds(3_600)
    self.cooldown = .seconds(30)
    self.interval = .seconds(300)
    self.shortestInterval = .seconds(60)
    self.longestInterval = .seconds(900)
  }

  /// What does not fit together.
  func problems() -> [ConfigurationError.Problem] {
    var problems: [ConfigurationError.Problem] = []
    func check(_ isRight: Bool, _ path: String, _ problem: String, _ hint: String) {
      if !isRight { problems.append(.init(path: path, problem: problem, hint: hint)) }
    }
    check(
      (Duration.seconds(60) ... .seconds(86_400)).contains(self.maximumStaleness),
      "max_stale",
      "is outside 1 minute to 24 hours",
      "an hour bridges most outages; longer trusts keys that may have been withdrawn"
    )
    check(
      (Duration.seconds(1) ... .seconds(3_600)).contains(self.cooldown),
      "cooldown",
      "is outside 1 second to 1 hour",
      "30s lets a rotated key in soon and strangers cause two requests a minute"
    )
    check(
      self.shortestInterval >= .seconds(1) && self.shortestInterval <= self.interval
        && self.interval <= self.longestInterval && self.longestInterval <= .seconds(86_400),
      "refresh",
      "is outside \(self.shortestInterval.components.seconds) s to "
        + "\(self.longestInterval.components.seconds) s",
      "5m is how fast a withdrawn key stops working"
    )
    return problems
  }

  /// When keys are to be fetched again after an answer.
  /// - Parameter stated: for how long the issuer says that its answer is fresh; nil if it does not.
  func interval(stated: Duration?) -> Duration {
    let wanted = stated ?? self.interval
    let bounded = min(max(wanted, self.shortestInterval), self.longestInterval)
    // Half, so that more than one attempt fits in before the keys no longer count.
    return min(bounded, self.maximumStaleness / 2)
  }

  /// How long an unknown key is remembered as unknown, counted from the answer that lacked it. Its
  /// token causes no request meanwhile. No longer than the cooldown: an issuer that signs a little
  /// before it publishes, or a guess of its next key by a stranger, must not lock that key out.
  var unknownKeyMemory: Duration { self.cooldown }
}
