// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// The objects that tokens share, found by what they are about. Those that no token has any more are
/// forgotten, unless they say something about tokens to come.
struct APITokenDirectory: Sendable {
  private struct OwnerKey: Hashable {
    var tenant: Tenant
    var owner: Owner

    // Tenants are few; the owner is enough to tell most keys apart.
    func hash(into hasher: inout Hasher) { hasher.combine(self.owner) }
  }

  private var tenants: [Tenant: APITokenTenant] = [:]
  private var owners: [OwnerKey: APITokenOwner] = [:]
  private var nextPlace: UInt16 = 0
  private var grants: [APITokenGrants.Content: APITokenGrants] = [:]

  mutating func tenant(_ tenant: Tenant) -> APITokenTenant {
    if let known = self.tenants[tenant] { return known }
    let new = APITokenTenant(tenant)
    self.tenants[tenant] = new
    return new
  }

  mutating func owner(_ owner: Owner, in tenant: Tenant) -> APITokenOwner {
    let key = OwnerKey(tenant: tenant, owner: owner)
    if let known = self.owners[key] { return known }
    let shared = self.tenant(tenant)
    let new = APITokenOwner(
      tenant: shared,
      subject: Subject("\(tenant.text)/\(owner.text)"),
      place: self.nextPlace
    )
    self.nextPlace &+= 1
    // The key with the tenant's own text: otherwise each owner would keep a copy of it.
    self.owners[OwnerKey(tenant: shared.tenant, owner: owner)] = new
    return new
  }

  mutating func grants(_ content: APITokenGrants.Content) -> APITokenGrants {
    if let known = self.grants[content] { return known }
    let new = APITokenGrants(content)
    self.grants[content] = new
    return new
  }

  /// One token less with these.
  mutating func release(_ owner: APITokenOwner, _ grants: APITokenGrants) {
    if owner.tokens.subtract(1, ordering: .relaxed).newValue <= 0 { self.forgetIfIdle(owner) }
    if grants.tokens.subtract(1, ordering: .relaxed).newValue <= 0 {
      self.grants[grants.content] = nil
    }
  }

  mutating func forgetIfIdle(_ owner: APITokenOwner) {
    guard owner.tokens.load(ordering: .relaxed) <= 0, owner.mark == nil else { return }
    self.owners[OwnerKey(tenant: owner.tenant.tenant, owner: owner.owner)] = nil
  }
}
