// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import SwiftProtobuf
internal import Synchronization
internal import TokenwardProtos

/// The life of one API token: made, used, exchanged, given a new secret, suspended, taken back. After
/// each step the guarded service is called, which asks nobody about it.
final class LifecycleTable: Sendable {
  /// How long the old secret works beside the new one, in seconds.
  static let graceSeconds: Int64 = 2

  private let tokens: DemoAuthority.Tokens
  private let owners: DemoAuthority.Owners
  private let state = Mutex(State())

  private struct State {
    var id = ""
    var secret = ""
    var oldSecret = ""
    var accessToken = ""
    var graceEnd = ContinuousClock.now
  }

  init(_ client: GRPCClient<DemoAuthority.Transport>) {
    self.tokens = DemoAuthority.Tokens(wrapping: client)
    self.owners = DemoAuthority.Owners(wrapping: client)
  }

  var calls: [() async throws -> DemoCall] {
    [
      {
        try await self.create()
        return self.order("created, used as it is", \.secret, .ok, "allowed")
      },
      {
        DemoCall(
          name: "a method it has no scope for",
          credential: .token(self.state.withLock(\.secret)),
          target: .adjustment,
          expected: .forbidden,
          expectedAudit: "scopeInsufficient"
        )
      },
      {
        try await self.exchange(for: "tokenward-example")
        return self.order("exchanged for a JWT, used", \.accessToken, .ok, "allowed")
      },
      {
        try await self.exchange(for: "tokenward")
        return self.order("a JWT for another service", \.accessToken, .invalid, "audienceMismatch")
      },
      {
        try await self.rotate()
        return self.order("rotated, new secret", \.secret, .ok, "allowed")
      },
      { self.order("rotated, old secret in grace", \.oldSecret, .ok, "allowed") },
      {
        let end = self.state.withLock(\.graceEnd)
        try await Task.sleep(until: end, tolerance: .zero, clock: .continuous)
        return self.order("old secret after the grace", \.oldSecret, .invalid, "tokenRevoked")
      },
      {
        try await self.exchange(for: "tokenward-example")
        try await self.setOwner(isDisabled: true)
        return self.order("owner disabled", \.secret, .invalid, "tokenRevoked")
      },
      { self.order("owner disabled, JWT", \.accessToken, .invalid, "tokenRevoked") },
      {
        try await self.setOwner(isDisabled: false)
        return self.order("owner enabled again", \.secret, .ok, "allowed")
      },
      {
        try await self.revoke()
        return self.order("revoked", \.secret, .invalid, "tokenRevoked")
      },
      { self.order("revoked, JWT from before", \.accessToken, .invalid, "tokenRevoked") },
    ]
  }

  private func order(
    _ name: String,
    _ token: KeyPath<State, String>,
    _ expected: Answer,
    _ audit: String
  ) -> DemoCall {
    DemoCall(
      name: name,
      credential: .token(self.state.withLock { $0[keyPath: token] }),
      target: .order,
      expected: expected,
      expectedAudit: audit
    )
  }

  private func create() async throws {
    let answer = try await self.tokens.create(
      .with {
        $0.name = "demo"
        $0.owner = "demo"
        $0.audiences = ["tokenward-example", "tokenward"]
        $0.scopes = ["orders.read"]
        $0.lifetime = Google_Protobuf_Duration(seconds: 3_600)
      }
    )
    self.state.withLock { state in
      state.id = answer.token.id
      state.secret = answer.secret
    }
  }

  private func exchange(for audience: String) async throws {
    let secret = self.state.withLock(\.secret)
    let answer = try await self.tokens.exchange(
      .with {
        $0.subjectToken = secret
        $0.audiences = [audience]
      }
    )
    self.state.withLock { $0.accessToken = answer.accessToken }
  }

  private func rotate() async throws {
    let id = self.state.withLock(\.id)
    let answer = try await self.tokens.rotate(
      .with {
        $0.id = id
        $0.grace = Google_Protobuf_Duration(seconds: Self.graceSeconds)
      }
    )
    self.state.withLock { state in
      state.oldSecret = state.secret
      state.secret = answer.secret
      // A little behind it: the authority began to count before it answered.
      state.graceEnd = .now + .seconds(Self.graceSeconds) + .milliseconds(50)
    }
  }

  private func setOwner(isDisabled: Bool) async throws {
    if isDisabled {
      _ = try await self.owners.disable(.with { $0.owner = "demo" })
    } else {
      _ = try await self.owners.enable(.with { $0.owner = "demo" })
    }
  }

  private func revoke() async throws {
    let id = self.state.withLock(\.id)
    _ = try await self.tokens.revoke(
      .with {
        $0.id = id
        $0.reason = "the demonstration is over"
      }
    )
  }
}
