// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

extension AuthoritySecrets {
  /// Reads the secrets, and makes them on the first start. Of several processes that start at once,
  /// one writes and all have the same.
  /// - Parameters:
  ///   - keeper: where they are kept.
  ///   - isFirstStart: whether the store has no record yet. If it has, missing secrets are not made:
  ///     every token in the store would silently end.
  ///   - now: the present time, written into new secrets.
  /// - Throws: `SecretError`: `refused` if they are missing beside a store with records, `unusable`
  ///   if what is kept is not what was written, and what the keeper throws.
  public static func load(
    from keeper: any SecretKeeper,
    isFirstStart: Bool,
    at now: UnixTime
  ) async throws(SecretError) -> AuthoritySecrets {
    if let kept = try await keeper.read() {
      return try AuthoritySecrets(SecretDocument(parsing: kept.bytes))
    }
    guard isFirstStart else {
      throw SecretError(
        .refused,
        problem: "the store has records, but the secrets that they were made under are gone",
        hint: "restore the secrets from a backup, or correct where they are looked for; to give up "
          + "every token and begin anew, begin with an empty store as well"
      )
    }
    // Whether this process or another one wrote first: what is kept now is what counts.
    let fresh = SecretDocument(madeAt: now).encoded()
    _ = try await keeper.write(fresh, replacing: nil)
    guard let kept = try await keeper.read() else {
      throw SecretError(
        .unavailable,
        problem: "the authority's secrets were written and cannot be read",
        hint: "check what keeps them, and whether this process may read there"
      )
    }
    return try AuthoritySecrets(SecretDocument(parsing: kept.bytes))
  }

  /// Makes a new pepper the current one and keeps the old ones, for the records that are digested
  /// under them. Where two processes do this at once, one wins and the other throws.
  /// - Parameters:
  ///   - keeper: where the secrets are kept.
  ///   - inUse: the peppers that records and receipts are digested under: none of them is dropped.
  ///   - now: the present time.
  /// - Returns: the secrets as they are now.
  /// - Throws: `SecretError`: `refused` if more than ``mostRetired`` would be in use or one in use
  ///   is missing, `unavailable` if another process was quicker, and what the keeper throws.
  public static func rotatePepper(
    in keeper: any SecretKeeper,
    inUse: Set<UInt32>,
    at now: UnixTime
  ) async throws(SecretError) -> AuthoritySecrets {
    try await Self.rotate(\.peppers, "pepper", in: keeper, inUse: inUse, at: now)
  }

  /// Makes a new key the one that signing keys are sealed with, and keeps the old ones for those that
  /// are sealed already. Otherwise like ``rotatePepper(in:inUse:at:)``.
  /// - Parameters:
  ///   - keeper: where the secrets are kept.
  ///   - inUse: the sealing keys of the signing keys in the store.
  ///   - now: the present time.
  /// - Returns: the secrets as they are now.
  public static func rotateSealingKey(
    in keeper: any SecretKeeper,
    inUse: Set<UInt32>,
    at now: UnixTime
  ) async throws(SecretError) -> AuthoritySecrets {
    try await Self.rotate(\.sealing, "sealing key", in: keeper, inUse: inUse, at: now)
  }

  private static func rotate(
    _ list: WritableKeyPath<SecretDocument, [SecretDocument.Entry]>,
    _ name: String,
    in keeper: any SecretKeeper,
    inUse: Set<UInt32>,
    at now: UnixTime
  ) async throws(SecretError) -> AuthoritySecrets {
    guard let kept = try await keeper.read() else {
      throw SecretError(
        .refused,
        problem: "there are no secrets to rotate",
        hint: "start the authority once: it makes them"
      )
    }
    var document = try SecretDocument(parsing: kept.bytes)
    var entries = document[keyPath: list]
    guard let newest = entries.first, inUse.isSubset(of: entries.map(\.id)) else {
      throw SecretError(
        .refused,
        problem: "records need a \(name) that is not kept any more",
        hint: "restore the secrets from a backup, and rotate then"
      )
    }
    guard newest.id < UInt32.max else { throw SecretDocument.unusable("have no id left") }

    // The oldest that nobody needs make room.
    while entries.count > SecretDocument.mostRetired {
      guard let unused = entries.lastIndex(where: { $0.id != newest.id && !inUse.contains($0.id) })
      else {
        throw SecretError(
          .refused,
          problem: "\(entries.count) of \(name) are still in use",
          hint: "records move to the current one when they are used, and end when they expire: "
            + "rotate later, or revoke tokens that nobody uses"
        )
      }
      entries.remove(at: unused)
    }
    entries.insert(SecretDocument.entry(newest.id + 1, at: now), at: 0)
    document[keyPath: list] = entries
    guard try await keeper.write(document.encoded(), replacing: kept.version) else {
      throw SecretError(
        .unavailable,
        problem: "another process rotated a secret at the same time; nothing was changed",
        hint: "load the secrets again, and rotate again if that is still wanted"
      )
    }
    return try AuthoritySecrets(document)
  }
}
