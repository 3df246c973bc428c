// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// The claims of a token that everything may be granted for which they name: nil if any rule over
/// claims is broken.
struct ExpectedClaims {
  let issuer: GuardFixture.IssuerRules
  let subject: [UInt8]
  let expiry: Int64
  let certificate: [UInt8]?
  private let json: ReferenceJSON

  init?(_ payload: [UInt8]) {
    guard let json = ReferenceJSON.parse(payload, limits: .token), case .object = json,
      let name = json["iss"]?.string,
      let issuer = GuardFixture.issuers.first(where: { utf8($0.name) == name }),
      !json.hasControlCharacter, json["act"] == nil,
      Self.isForUs(json["aud"]), Self.isInTime(json, issuer),
      let expiry = json["exp"]?.date, let subject = json["sub"]?.string
    else { return nil }
    for (claim, isMandatory) in [
      ("sub", true), ("jti", issuer.isSingleUse), ("client_id", false),
    ] {
      guard let value = json[claim] else {
        if isMandatory { return nil }
        continue
      }
      guard let text = value.string, (1 ... 256).contains(text.count) else { return nil }
    }
    if let confirmation = json["cnf"] {
      guard case .object(let members) = confirmation, members.count == 1,
        let text = confirmation["x5t#S256"]?.string, let bytes = decodedBase64URL(text),
        bytes.count == 32
      else { return nil }
      self.certificate = bytes
    } else {
      self.certificate = nil
    }
    self.issuer = issuer
    self.subject = subject
    self.expiry = expiry
    self.json = json
  }

  private static func isForUs(_ audience: ReferenceJSON?) -> Bool {
    let names: [ReferenceJSON]
    switch audience {
    case .string?: names = audience.map { [$0] } ?? []
    case .array(let elements)?: names = elements
    default: return false
    }
    return (1 ... 64).contains(names.count)
      && names.allSatisfy { $0.string?.isEmpty == false }
      && names.contains { name in GuardFixture.audiences.contains { utf8($0) == name.string } }
  }

  private static func isInTime(_ json: ReferenceJSON, _ issuer: GuardFixture.IssuerRules) -> Bool {
    let now = GuardFixture.now
    for claim in ["exp", "nbf", "iat"] where json[claim] != nil && json[claim]?.date == nil {
      return false
    }
    guard let expiry = json["exp"]?.date, now < expiry + issuer.skew,
      expiry <= now + issuer.lifetime + issuer.skew
    else { return false }
    if let notBefore = json["nbf"]?.date, now < notBefore - issuer.skew { return false }
    if let issuedAt = json["iat"]?.date {
      guard now >= issuedAt - issuer.skew, expiry <= issuedAt + issuer.lifetime else {
        return false
      }
    }
    return true
  }

  /// As ``GuardFixture/revocations`` says.
  var isRevoked: Bool {
    guard self.issuer.name.utf8.elementsEqual("https://plain.test".utf8) else { return false }
    if self.json["jti"]?.string == utf8("stolen") { return true }
    guard self.subject == utf8("leaver") else { return false }
    guard let issuedAt = self.json["iat"]?.date else { return true }
    return issuedAt < GuardFixture.now - 100
  }

  /// As ``GuardFixture/policy`` says.
  func meets(path: [UInt8]) -> Bool {
    switch path {
    case utf8("/t.Orders/Get"): self.hasScope("read") && self.hasScope("orders")
    case utf8("/t.Orders/List"): self.hasScope("read") || self.hasScope("list")
    case utf8("/t.Orders/Delete"): self.hasRole("admin")
    case utf8("/t.Orders/Sign"):
      self.json["client_id"]?.string.map { $0 != self.subject } ?? false
    case utf8("/t.Open/Ping"): true
    default: path.starts(with: utf8("/t.Any/"))
    }
  }

  private func hasScope(_ scope: String) -> Bool {
    guard let text = self.json["scope"]?.string else { return false }
    let scopes = text.split(separator: 0x20, omittingEmptySubsequences: false)
    let isGrammar = scopes.allSatisfy { name in
      !name.isEmpty && name.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }
    }
    return scopes.count <= 256 && isGrammar && scopes.contains { Array($0) == utf8(scope) }
  }

  private func hasRole(_ role: String) -> Bool {
    guard case .array(let roles)? = self.json["roles"], roles.count <= 256,
      roles.allSatisfy({ $0.string != nil })
    else { return false }
    return roles.contains { $0.string == utf8(role) }
  }
}
