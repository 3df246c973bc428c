// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardAuthority
public import TokenwardCore

/// Records for tests of stores.
public enum SampleRecords {
  /// When all of them were made.
  public static let start = UnixTime(seconds: 1_800_000_000, nanoseconds: 123_456_789)

  /// Texts that stores have been known to take for something else than text.
  public static let awkwardTexts: [String] = [
    "", "'", "\"", "'; DROP TABLE tokens; --", "\" OR 1=1 --", "%", "_", "?", ":id", "\\", "\0",
    "a\0b", "\n", "\u{FEFF}", "K", "\u{212A}", "\u{E9}", "e\u{301}", "\u{10FFFF}", "NULL", "0x00",
    String(repeating: "long ", count: 200),
  ]

  /// A digest that is different for each seed.
  public static func digest(_ seed: UInt8, pepper: UInt32 = 1) -> SecretDigest {
    SecretDigest(pepper: pepper, code: (0 ..< 32).map { $0 &* 7 ^ seed })
  }

  /// A token with nothing granted.
  public static func token(
    _ id: TokenID,
    tenant: Tenant = .main,
    owner: Owner = "orders",
    lifetime: Int64 = 86_400
  ) -> TokenRecord {
    TokenRecord(
      id: id,
      name: "",
      tenant: tenant,
      owner: owner,
      audiences: ["orders"],
      createdAt: Self.start,
      expiresAt: Self.start.adding(seconds: lifetime),
      ownerGeneration: 0,
      secret: Self.digest(1)
    )
  }

  /// A token with every field set, and as many grants as a token may have.
  public static func fullToken(_ id: TokenID, text: String = "text") -> TokenRecord {
    var record = Self.token(id)
    let grants = 0 ..< AuthorityLimits.mostGrants
    record.name = text
    record.roles = grants.map { Role("role-\($0)\(text)") }
    record.scopes = grants.map { Scope("scope-\($0)\(text)") }
    record.audiences = grants.map { Audience("audience-\($0)\(text)") }
    record.notBefore = Self.start.adding(seconds: -1)
    record.networks = grants.compactMap {
      NetworkPrefix(address: [10, UInt8($0), 0, 0], length: 16)
    }
    record.networks += [NetworkPrefix(address: [UInt8](repeating: 0, count: 16), length: 0)]
      .compactMap { $0 }
    record.certificate = CertificateThumbprint(der: [1, 2, 3])
    record.labels = ["empty": "", "": "nameless"]
    record.labels[text] = text
    record.createdBy = TokenID("by\(text)")
    record.ownerGeneration = .max
    record.previous = .init(secret: Self.digest(2, pepper: .max), until: Self.start)
    record.rotatedAt = UnixTime(seconds: .min)
    record.rotations = .min
    record.revocation = .init(at: Self.start, reason: text, by: TokenID(text))
    record.lastUsedAt = UnixTime(seconds: .max, nanoseconds: 999_999_999)
    return record
  }

  /// One or more records of every kind with these texts in all their fields, and no key twice.
  public static func everyKind(_ text: String) -> [StoreRecord] {
    var owner = OwnerRecord(tenant: Tenant(text), owner: Owner(text), changedAt: Self.start)
    owner.isDisabled = true
    owner.generation = 7
    owner.issuedBefore = Self.start
    owner.reason = text
    var tenant = TenantRecord(tenant: Tenant(text), changedAt: Self.start)
    tenant.issuedBefore = Self.start
    tenant.reason = text
    var role = RoleRecord(
      role: Role(text),
      scopes: [Scope(text)],
      methods: [text, ""],
      changedAt: Self.start
    )
    role.description = text
    let bytes = Array(text.utf8)
    return [
      .token(Self.fullToken(TokenID(text), text: text)),
      .token(Self.token(TokenID("plain-" + text), tenant: Tenant(text), owner: Owner(text))),
      .owner(owner),
      .owner(OwnerRecord(tenant: "plain", owner: Owner(text), changedAt: Self.start)),
      .tenant(tenant),
      .tenant(TenantRecord(tenant: Tenant("plain-" + text), changedAt: Self.start)),
      .role(role),
      .role(
        RoleRecord(role: Role("plain-" + text), scopes: [], methods: [], changedAt: Self.start)
      ),
      .receipt(
        ReceiptRecord(
          key: bytes,
          request: bytes,
          token: TokenID(text),
          rotations: 3,
          pepper: .max,
          expiresAt: Self.start
        )
      ),
      .withdrawn(WithdrawnAccessToken(id: TokenID(text), expiresAt: Self.start)),
    ]
  }

  /// Signing keys of every state and material.
  public static func signingKeys() -> [StoreRecord] {
    let materials: [SigningKeyRecord.Material] = [
      .sealed(.init(sealingKey: .max, box: [0, 255, 39])), .sealed(.init(sealingKey: 0, box: [])),
      .transit(name: "it's", version: .max),
    ]
    let names = ["K", "\u{212A}", "\u{E9}"]
    return zip(zip(SigningKeyRecord.State.allCases, materials), names).compactMap { pair, name in
      guard let id = KeyID(name) else { return nil }
      var record = SigningKeyRecord(
        id: id,
        algorithm: .eddsa,
        publicJWK: Array("{}".utf8),
        material: pair.1,
        createdAt: Self.start
      )
      record.state = pair.0
      if pair.0 != .next { record.activatedAt = Self.start }
      if pair.0 == .retired { record.retiredAt = Self.start }
      return .signingKey(record)
    }
  }
}
