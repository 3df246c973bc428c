// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

extension RecordReader {
  private mutating func digest() throws(Damage) -> SecretDigest {
    SecretDigest(pepper: try self.uint32(), code: try self.blob())
  }

  mutating func token() throws(Damage) -> TokenRecord {
    let id = TokenID(try self.text())
    let name = try self.text()
    let tenant = Tenant(try self.text())
    let owner = Owner(try self.text())
    let roles = try self.names(Role.self)
    let scopes = try self.names(Scope.self)
    let audiences = try self.names(Audience.self)
    let createdAt = try self.time()
    let notBefore = try self.optionalTime()
    let expiresAt = try self.time()
    let networks = try self.networks()
    let certificate = try self.flag() ? try self.certificate() : nil
    let labels = try self.labels()
    let createdBy = try self.flag() ? TokenID(try self.text()) : nil
    let ownerGeneration = try self.number()
    var record = TokenRecord(
      id: id,
      name: name,
      tenant: tenant,
      owner: owner,
      audiences: audiences,
      createdAt: createdAt,
      expiresAt: expiresAt,
      ownerGeneration: ownerGeneration,
      secret: try self.digest()
    )
    record.roles = roles
    record.scopes = scopes
    record.notBefore = notBefore
    record.networks = networks
    record.certificate = certificate
    record.labels = labels
    record.createdBy = createdBy
    if try self.flag() {
      record.previous = .init(secret: try self.digest(), until: try self.time())
    }
    record.rotatedAt = try self.optionalTime()
    record.rotations = try self.number()
    if try self.flag() {
      record.revocation = .init(
        at: try self.time(),
        reason: try self.text(),
        by: try self.flag() ? TokenID(try self.text()) : nil
      )
    }
    record.lastUsedAt = try self.optionalTime()
    return record
  }

  private mutating func certificate() throws(Damage) -> CertificateThumbprint {
    guard let certificate = CertificateThumbprint(bytes: try self.blob()) else { throw Damage() }
    return certificate
  }

  mutating func owner() throws(Damage) -> OwnerRecord {
    let tenant = Tenant(try self.text())
    let owner = Owner(try self.text())
    let isDisabled = try self.flag()
    let generation = try self.number()
    let issuedBefore = try self.optionalTime()
    let reason = try self.text()
    var record = OwnerRecord(tenant: tenant, owner: owner, changedAt: try self.time())
    record.isDisabled = isDisabled
    record.generation = generation
    record.issuedBefore = issuedBefore
    record.reason = reason
    return record
  }

  mutating func tenant() throws(Damage) -> TenantRecord {
    let tenant = Tenant(try self.text())
    let issuedBefore = try self.optionalTime()
    let reason = try self.text()
    var record = TenantRecord(tenant: tenant, changedAt: try self.time())
    record.issuedBefore = issuedBefore
    record.reason = reason
    return record
  }

  mutating func role() throws(Damage) -> RoleRecord {
    let role = Role(try self.text())
    let description = try self.text()
    let scopes = try self.names(Scope.self)
    let methods = try self.texts()
    var record = RoleRecord(
      role: role,
      scopes: scopes,
      methods: methods,
      changedAt: try self.time()
    )
    record.description = description
    return record
  }

  mutating func signingKey() throws(Damage) -> SigningKeyRecord {
    guard let id = KeyID(utf8: try self.blob()),
      let algorithm = Algorithm(exactly: Array(try self.text().utf8))
    else { throw Damage() }
    let name = try self.text()
    guard
      let state = SigningKeyRecord.State.allCases.first(where: {
        $0.rawValue.hasSameBytes(as: name)
      })
    else { throw Damage() }
    let publicJWK = try self.blob()
    let material: SigningKeyRecord.Material =
      switch try self.byte() {
      case 0: .sealed(.init(sealingKey: try self.uint32(), box: try self.blob()))
      case 1: .transit(name: try self.text(), version: try self.number())
      default: throw Damage()
      }
    var record = SigningKeyRecord(
      id: id,
      algorithm: algorithm,
      publicJWK: publicJWK,
      material: material,
      createdAt: try self.time()
    )
    record.state = state
    record.activatedAt = try self.optionalTime()
    record.retiredAt = try self.optionalTime()
    return record
  }

  mutating func receipt() throws(Damage) -> ReceiptRecord {
    ReceiptRecord(
      key: try self.blob(),
      request: try self.blob(),
      token: TokenID(try self.text()),
      rotations: try self.number(),
      pepper: try self.uint32(),
      expiresAt: try self.time()
    )
  }
}
