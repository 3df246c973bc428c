// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

extension TokenAuthority {
  /// Every signing key that is published, the active ones first. Needs ``Permission/readKeys``.
  public func signingKeys(as caller: Caller) async throws(AuthorityError) -> [SigningKeyRecord] {
    try self.require(.readKeys, of: caller)
    try self.requireStart()
    return self.keys.published
  }

  /// Lets the next key of an algorithm sign from now on, and makes another next one. Needs
  /// ``Permission/rotateKeys`` and ``Permission/allTenants``: the keys sign for every tenant.
  /// - Parameters:
  ///   - algorithm: which; every one that is signed with if nil.
  ///   - isForced: also if the next key has not been published for long enough, so that some
  ///     verifiers do not have it yet.
  ///   - caller: who asks.
  public func rotateKeys(
    _ algorithm: Algorithm?,
    isForced: Bool,
    as caller: Caller
  ) async throws(AuthorityError) -> [SigningKeyRecord] {
    var event = self.event(.rotateKey, by: caller)
    event.target = algorithm?.rawValue
    if isForced { event.details["forced"] = "true" }
    return try await self.refusable(event) {
      () async throws(AuthorityError) -> [SigningKeyRecord] in
      try self.require(.rotateKeys, of: caller)
      try self.requireEveryTenant(of: caller, "signing keys")
      _ = try self.issuingTime()
      guard let now = self.time.now() else { throw .unavailable(.clock) }
      try await self.write(event)
      do throws(AuthorityError) {
        return try await self.keys.rotate(algorithm: algorithm, isForced: isForced, at: now)
      } catch {
        await self.noteFailure(of: event, error)
        throw error
      }
    }
  }

  /// Writes down what the schedule has done to keys.
  func note(_ changes: [SigningKeyChange]) async {
    for change in changes {
      var event = self.event(.rotateKey, by: nil)
      event.target = change.key.id.text
      event.details["change"] = change.kind.rawValue
      event.details["algorithm"] = change.key.algorithm.rawValue
      try? await self.write(event)
    }
  }
}
