// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

package import TokenwardCore

/// Why the first token was not made.
public enum BootstrapError: Error, Sendable, Hashable {
  /// The authority could not.
  case authority(AuthorityError)
  /// Its file could not be written, or something else is there.
  case file(OwnerOnlyFileError)
}

extension TokenAuthority {
  /// Makes the first token, once in the life of a store: that of the administrator, who makes all
  /// others. It is written to a file that only its owner can read, and shown nowhere else.
  ///
  /// The order is: audit record, file, store. Whatever is interrupted, the next start goes on: a file
  /// whose token never reached the store is recognised by its id, which only this authority can
  /// compute, and its token is taken. Any other file is left alone, and nothing is made.
  ///
  /// That it has happened is kept for good in the record of the owner `admin`, so that revoking or
  /// losing the token does not bring a new one to the disk with the next start. Who has lost every
  /// administrator and may read the vault and the disk asks for another with `isForced`.
  /// - Parameters:
  ///   - path: the file; its folder must be there and the file not.
  ///   - lifetimeSeconds: how long the token lives: 30 days unless given, enough to set everything
  ///     up and to find out that rotation has to be set up, too, and an end for a file that was
  ///     forgotten.
  ///   - isForced: also if it has happened before.
  /// - Returns: the record of the token; nil if it had happened before.
  @discardableResult
  public func bootstrap(
    into path: String,
    lifetimeSeconds: Int64 = 30 * 86_400,
    isForced: Bool = false
  ) async throws(BootstrapError) -> TokenRecord? {
    try await self.bootstrap(
      lifetimeSeconds: lifetimeSeconds,
      isForced: isForced,
      find: { () throws(OwnerOnlyFileError) -> BearerToken? in
        guard var content = try OwnerOnlyFile.read(path, atMost: APITokenFormat.length + 1) else {
          return nil
        }
        if content.last == UInt8(ascii: "\n") { content.removeLast() }
        return BearerToken(bytes: content)
      },
      write: { token throws(OwnerOnlyFileError) in
        try OwnerOnlyFile.write(token.bytes + [UInt8(ascii: "\n")], to: path)
      }
    )
  }

  /// - Parameters:
  ///   - find: the token that is in the file; nil if there is no file.
  ///   - write: writes the file, which must not be there.
  package func bootstrap(
    lifetimeSeconds: Int64,
    isForced: Bool,
    find: () throws(OwnerOnlyFileError) -> BearerToken?,
    write: (BearerToken) throws(OwnerOnlyFileError) -> Void
  ) async throws(BootstrapError) -> TokenRecord? {
    let reading: Reading
    let now: UnixTime
    do throws(AuthorityError) {
      now = try self.issuingTime()
      guard (1 ... self.configuration.limits.maximumTokenLifetimeSeconds).contains(lifetimeSeconds)
      else { throw .invalid(field: "lifetime", problem: "is beyond the longest lifetime") }
      reading = try await self.read([Self.administratorKey])
    } catch {
      throw .authority(error)
    }
    let owner = reading.owner(Self.administrator, .main)
    guard owner == nil || isForced else { return nil }

    let id = self.bootstrapID(reading.version(Self.administratorKey))
    let secret: TokenSecret
    let isWritten: Bool
    do throws(OwnerOnlyFileError) {
      if let left = try find() {
        guard let (leftID, leftSecret) = TokenSecret.parse(left), leftID == id else {
          throw OwnerOnlyFileError(
            "the file of the first token is there already, and its content is not one of this"
              + " authority's; move it away"
          )
        }
        (secret, isWritten) = (leftSecret, true)
      } else {
        (secret, isWritten) = (.random(), false)
      }
    } catch {
      throw .file(error)
    }
    var record = TokenRecord(
      id: id,
      name: "bootstrap",
      tenant: .main,
      owner: Self.administrator,
      audiences: [self.configuration.audience],
      createdAt: now,
      expiresAt: now.adding(seconds: lifetimeSeconds),
      ownerGeneration: owner?.generation ?? 0,
      secret: secret.digest(for: id, under: self.secrets.current)
    )
    record.roles = [.administrator]

    var event = self.event(.bootstrap, by: nil)
    event.tenant = record.tenant
    event.owner = record.owner
    event.token = id
    if isForced { event.details["forced"] = "true" }
    if isWritten { event.details["continued"] = "true" }
    do throws(AuthorityError) { try await self.write(event) } catch { throw .authority(error) }
    if !isWritten {
      do throws(OwnerOnlyFileError) {
        try write(secret.bearerToken(id))
      } catch {
        await self.noteFailure(of: event, .failedPrecondition("the file could not be written"))
        throw .file(error)
      }
    }
    do throws(AuthorityError) {
      try await self.commitFirst(record, owner, reading, event, at: now)
    } catch {
      throw .authority(error)
    }
    return record
  }

  private func commitFirst(
    _ record: TokenRecord,
    _ owner: OwnerRecord?,
    _ reading: Reading,
    _ event: AuditEvent,
    at now: UnixTime
  ) async throws(AuthorityError) {
    var owner =
      owner ?? OwnerRecord(tenant: record.tenant, owner: record.owner, changedAt: now)
    owner.isDisabled = false
    owner.reason = "bootstrap"
    owner.changedAt = now
    do throws(AuthorityError) {
      try await self.change(Self.administratorKey) {
        () async throws(AuthorityError) -> Change<Void> in
        let again = try await self.read([Self.administratorKey])
        guard again.version(Self.administratorKey) == reading.version(Self.administratorKey) else {
          throw .failedPrecondition("somebody else was faster")
        }
        var change = Change(answer: ())
        change.record = .owner(owner)
        change.transaction = again.transaction
        change.transaction.expect(.token(record.id), at: nil)
        change.transaction.written += [.owner(owner), .token(record)]
        return change
      }
      // Shown in its own turn, as it is in the store: it may have been used and changed already.
      try await self.turns.take(.token(record.id)) { () async throws(AuthorityError) in
        let key = StoreKey.token(record.id)
        self.show(try await self.read([key])[key]?.record, for: key)
      }
    } catch {
      await self.noteFailure(of: event, error)
      throw error
    }
  }

  private static var administrator: Owner { "admin" }
  private static var administratorKey: StoreKey { .owner(.main, Self.administrator) }

  /// The id of the first token is computed, so that a file that an interrupted start has left can be
  /// told from another authority's. It is no secret; the secret is random.
  private func bootstrapID(_ version: StoreVersion?) -> TokenID {
    var text = KeyedText("tokenward bootstrap 1")
    text.add(self.issuer.text)
    text.add(version?.number)
    var counter: Int64 = 0
    let digits = Base62.digits(APITokenFormat.idLength) {
      var block = text
      block.add(counter)
      counter &+= 1
      return block.code(under: self.secrets.current)
    }
    return TokenID(String(decoding: digits, as: UTF8.self))
  }
}
