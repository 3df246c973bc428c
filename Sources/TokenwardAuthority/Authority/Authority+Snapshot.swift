// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore

extension TokenAuthority {
  /// Makes verification see a record as it is now, without what is pending of it. To be called in
  /// the record's turn.
  /// - Parameter record: nil if there is none any more.
  func show(_ record: StoreRecord?, for key: StoreKey) {
    let taken = self.pending[key]
    switch taken.map({ $0.applied(to: record) }) ?? record {
    case .token(let token)?:
      self.watch.note(max(token.createdAt, token.rotatedAt ?? token.createdAt))
      self.administrators.note(token)
      // No room, or a digest that is none: not known is the one state that allows nothing.
      if !self.snapshot.put(APITokenEntry(token)) { self.snapshot.remove(token.id) }
    case .owner(let owner)?:
      self.recordedNames.note(.owner(owner.tenant, owner.owner))
      self.snapshot.setOwner(
        owner.owner,
        in: owner.tenant,
        isDisabled: owner.isDisabled,
        generation: owner.generation,
        issuedBefore: owner.issuedBefore
      )
    case .tenant(let tenant)?:
      self.recordedNames.note(.tenant(tenant.tenant))
      self.snapshot.setTenant(tenant.tenant, issuedBefore: tenant.issuedBefore)
    case .role(let role)?:
      // The administrator's is not the store's to define.
      guard role.role != .administrator else { break }
      self.definedRoles.withLock { $0[role.role] = role }
      self.snapshot.setRole(role.role, scopes: role.scopes, methods: role.methods)
    case .withdrawn(let token)?:
      self.withdrawn.add(token)
    case .signingKey?, .receipt?:
      break
    case nil:
      self.hide(key)
    }
  }

  private func hide(_ key: StoreKey) {
    switch key {
    case .token(let id):
      self.snapshot.remove(id)
    case .owner(let tenant, let owner):
      self.recordedNames.forget(key)
      self.snapshot.setOwner(
        owner,
        in: tenant,
        isDisabled: false,
        generation: 0,
        issuedBefore: nil
      )
    case .tenant(let tenant):
      self.recordedNames.forget(key)
      self.snapshot.setTenant(tenant, issuedBefore: nil)
    case .role(let role):
      guard role != .administrator else { return }
      self.definedRoles.withLock { $0[role] = nil }
      self.snapshot.removeRole(role)
    case .withdrawn, .signingKey, .receipt:
      break
    }
  }
}

extension APITokenEntry {
  /// What verification needs of a record.
  public init(_ record: TokenRecord) {
    self.init(
      id: record.id,
      tenant: record.tenant,
      owner: record.owner,
      roles: record.roles,
      scopes: record.scopes,
      audiences: record.audiences,
      createdAt: record.createdAt,
      notBefore: record.notBefore,
      expiresAt: record.expiresAt,
      networks: record.networks,
      certificate: record.certificate,
      ownerGeneration: record.ownerGeneration,
      isRevoked: record.revocation != nil,
      secret: Digest(pepper: record.secret.pepper, code: record.secret.code),
      previous: record.previous.map { previous in
        Previous(
          digest: Digest(pepper: previous.secret.pepper, code: previous.secret.code),
          until: previous.until
        )
      }
    )
  }
}
