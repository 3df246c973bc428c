// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Every key that the attacks need.
struct AttackKeys: Sendable {
  /// `es256` of the first issuer.
  let es256: SigningKey
  /// `Key1` of the first issuer, a second P-256 key: its name has a letter with a look-alike, and a
  /// token without `kid` fits two keys.
  let key1: SigningKey
  /// `rsa` of the first issuer, published without `alg`.
  let rsa: SigningKey
  /// `ps256` of the first issuer, published for PS256 only.
  let ps256: SigningKey
  /// `es384` of the first issuer.
  let es384: SigningKey
  /// `es512` of the first issuer.
  let es512: SigningKey
  /// `ed` of the first issuer, published without `alg`.
  let ed: SigningKey
  /// The only key of the other issuer; its `kid` is `es256` too.
  let other: SigningKey
  /// The only key of the issuer of single-use tokens.
  let singleUse: SigningKey
  /// The only key of the issuer with clock skew.
  let skewed: SigningKey
  /// The secret of the local issuer.
  let secret: SigningKey
  /// Keys that nobody trusts.
  let attackerEC: SigningKey
  let attackerRSA: SigningKey

  init() throws {
    self.es256 = try SigningKey(generating: .p256)
    self.key1 = try SigningKey(generating: .p256)
    self.rsa = try SigningKey.sharedRSA(0)
    self.ps256 = try SigningKey.sharedRSA(1)
    self.es384 = try SigningKey(generating: .p384)
    self.es512 = try SigningKey(generating: .p521)
    self.ed = try SigningKey(generating: .ed25519)
    self.other = try SigningKey(generating: .p256)
    self.singleUse = try SigningKey(generating: .p256)
    self.skewed = try SigningKey(generating: .p256)
    self.secret = try SigningKey(generating: .secret)
    self.attackerEC = try SigningKey(generating: .p256)
    self.attackerRSA = try SigningKey.sharedRSA(2)
  }

  /// What the first issuer publishes. `rsa3` has the modulus of `rsa` and the exponent 3, for which
  /// a signature without its private key can be computed if padding is read carelessly.
  func primaryJWKS() throws -> [UInt8] {
    Self.set([
      try self.es256.jwk.setting("kid", "\"es256\"").setting("alg", "\"ES256\""),
      try self.key1.jwk.setting("kid", "\"Key1\""),
      try self.rsa.jwk.setting("kid", "\"rsa\""),
      try self.rsa.jwk.setting("kid", "\"rsa3\"").setting("e", "\"Aw\"").setting(
        "alg",
        "\"RS256\""
      ),
      try self.ps256.jwk.setting("kid", "\"ps256\"").setting("alg", "\"PS256\""),
      try self.es384.jwk.setting("kid", "\"es384\""),
      try self.es512.jwk.setting("kid", "\"es512\""),
      try self.ed.jwk.setting("kid", "\"ed\""),
    ])
  }

  func source(of key: SigningKey, kid: String) throws -> StaticKeys {
    let jwk = try key.jwk.setting("kid", string: kid)
    return StaticKeys(try KeySet(jwks: Self.set([jwk]), trust: .publicKeys))
  }

  static func set(_ keys: [RawObject]) -> [UInt8] {
    Array("{\"keys\":[\(keys.map(\.text).joined(separator: ","))]}".utf8)
  }
}
