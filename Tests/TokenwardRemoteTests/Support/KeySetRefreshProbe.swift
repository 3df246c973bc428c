// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import TokenwardCore
import TokenwardTestKit

@testable import TokenwardRemote

/// Looks at how much the state of one key set remembers.
struct KeySetRefreshProbe {
  static let most = KeySetRefresh.mostUnknownKeys

  private var refresh = KeySetRefresh(timing: KeyRefreshTiming())

  /// How many of so many unknown keys are remembered.
  mutating func remembered(of count: Int, issuer: TestIssuer) throws -> Int {
    let now = ManualClock().moment
    _ = self.refresh.want(KeyID("wanted"), at: now)
    self.refresh.begin()
    self.refresh.received(try issuer.jwks, try issuer.keySet, stated: nil, at: now, jitter: 0)
    let ids = (0 ..< count).compactMap { KeyID("k\($0)") }
    for id in ids { self.refresh.note(unknown: id, at: now) }
    return ids.count { self.refresh.remembersUnknown($0, at: now) }
  }

  /// Whether a key that an answer lacked is remembered at once, within the cooldown, and after it.
  mutating func remembersAfterAnswer(issuer: TestIssuer) throws -> [Bool] {
    _ = try self.remembered(of: 1, issuer: issuer)
    let clock = ManualClock()
    guard let id = KeyID("k0") else { return [] }
    return [Int64(0), 29, 1].map { seconds in
      clock.advance(by: seconds)
      return self.refresh.remembersUnknown(id, at: clock.moment)
    }
  }
}
