// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ServiceLifecycle
internal import TokenwardAuthority
internal import TokenwardCore

/// Counts the tokens of a store by what they are worth, again and again, a page at a time: a million
/// of them take a while, and nobody else is to wait for it.
struct TokenCount: Service {
  let store: any TokenStore
  let snapshot: APITokenSnapshot
  let time: any TimeSource
  /// Told each count.
  let report: @Sendable ([TokenStatus.State: Int]) -> Void

  private static let period: Duration = .seconds(60)

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        let begin = ContinuousClock.now
        if let counts = try? await self.count() { self.report(counts) }
        // At most a twentieth of the time is spent on it.
        let elapsed = ContinuousClock.now - begin
        try? await Task.sleep(for: max(Self.period, elapsed * 20))
      }
    }
  }

  /// One count.
  func count() async throws -> [TokenStatus.State: Int] {
    var query = TokenQuery()
    query.limit = AuthorityLimits.largestPage
    var counts: [TokenStatus.State: Int] = [:]
    while !Task.isCancelled {
      guard let now = self.time.now()?.unix else { return counts }
      let page = try await self.store.tokens(query)
      for case .token(let record) in page.map(\.record) {
        guard let state = TokenStatus.State(self.snapshot.state(of: record.id, at: now)) else {
          continue
        }
        counts[state, default: 0] += 1
        query.after = record.id
      }
      guard page.count == query.limit else { return counts }
    }
    throw CancellationError()
  }
}

extension TokenStatus.State {
  /// Nil for a token that was forgotten meanwhile.
  init?(_ state: APITokenState) {
    switch state {
    case .active: self = .active
    case .notYetValid: self = .notYetValid
    case .expired: self = .expired
    case .revoked: self = .revoked
    case .ownerDisabled: self = .ownerDisabled
    case .unknown: return nil
    }
  }
}
