// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

/// Tokens that nobody needs any more end at once, not with their leases: whoever finds one later, in
/// a core dump or a capture, has nothing. As far as OpenBao can be reached; a lease ends by itself.
extension Session {
  /// The token that a new login replaces, if it is still good and was fetched here.
  func stillGood(at now: Duration) -> HeldLease? {
    // What somebody else has fetched, somebody else may be using.
    guard self.authenticator.fetchesTokens else { return nil }
    return self.state.withLock { state in
      guard let held = state.held, held.generation != state.refused, now < held.lapsesAt else {
        return nil
      }
      return held
    }
  }

  /// Ends the login, because the process stops. Whoever needs a secret after that logs in anew.
  func end() async {
    // A token that has lapsed or was refused has ended already.
    let held = self.time.monotonic().flatMap { self.stillGood(at: $0) }
    self.state.withLock { state in
      // Another login may have replaced it meanwhile.
      guard let held, state.held?.generation == held.generation else { return }
      state.held = nil
      state.status.authenticatedUntil = nil
    }
    if let held { await self.revoke(held) }
  }

  /// Asks OpenBao to forget a token. What comes of it changes nothing here.
  func revoke(_ held: HeldLease) async {
    // Not a child of this task, which is cancelled when the process stops.
    await Task { await self.requests.revoke(held.token) }.value
  }
}
