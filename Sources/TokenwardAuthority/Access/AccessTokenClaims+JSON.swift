// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

extension AccessTokenClaims {
  /// The last second of the year 9999: what verifiers take for a date.
  private static let latestDate: Int64 = 253_402_300_799
  /// Most scopes, roles, methods and networks; verifiers take more for none.
  private static let mostGrants = 256

  /// The claims as JSON.
  /// - Throws: ``AuthorityError/invalid(field:problem:)`` for what no verifier would accept, and for
  ///   text that would be read as more than it is: a scope with a space in it is two scopes.
  func json() throws(AuthorityError) -> [UInt8] {
    try self.check()
    var text: [UInt8] = []
    text.reserveCapacity(768)
    text += Self.openingISS
    text.append(quoted: self.issuer.text)
    text.append(member: ",\"sub\":", quoted: self.subject.text)
    text.append(member: ",\"client_id\":", quoted: self.clientID.text)
    text.append(member: ",\"aud\":")
    if self.audiences.count == 1 {
      text.append(quoted: self.audiences[0].text)
    } else {
      text.append(list: self.audiences) { $0.append(quoted: $1.text) }
    }
    text.append(member: ",\"iat\":")
    text.append(number: self.issuedAt.seconds)
    text.append(member: ",\"exp\":")
    text.append(number: self.expiresAt.seconds)
    if let begin = self.firstSecond {
      text.append(member: ",\"nbf\":")
      text.append(number: begin)
    }
    text.append(member: ",\"jti\":", quoted: self.id.text)
    text.append(member: ",\"tenant\":", quoted: self.tenant.text)
    text.append(member: ",\"grant_id\":", quoted: self.grantID.text)
    if !self.scopes.isEmpty {
      text.append(member: ",\"scope\":\"")
      for (index, scope) in self.scopes.enumerated() {
        if index > 0 { text.append(UInt8(ascii: " ")) }
        // Its grammar has no character that JSON would have to escape.
        text.append(contentsOf: scope.text.utf8)
      }
      text.append(UInt8(ascii: "\""))
    }
    if !self.roles.isEmpty {
      text.append(member: ",\"roles\":")
      text.append(list: self.roles) { $0.append(quoted: $1.text) }
    }
    if let methods {
      text.append(member: ",\"tokenward_methods\":")
      text.append(list: methods) { $0.append(quoted: $1) }
    }
    if !self.networks.isEmpty {
      text.append(member: ",\"tokenward_networks\":")
      text.append(list: self.networks) { $0.append(network: $1) }
    }
    if let certificate {
      text.append(member: ",\"cnf\":{\"x5t#S256\":\"")
      text.append(contentsOf: Base64URL.encode(certificate.bytes).utf8)
      text.append(member: "\"}")
    }
    text.append(UInt8(ascii: "}"))
    return text
  }

  private static let openingISS = Array("{\"iss\":".utf8)

  /// `nbf` in whole seconds; rounded down, it would let the token in too early.
  private var firstSecond: Int64? {
    guard let notBefore else { return nil }
    return notBefore.nanoseconds == 0 ? notBefore.seconds : notBefore.adding(seconds: 1).seconds
  }
}

// MARK: - What is refused

extension AccessTokenClaims {
  private func check() throws(AuthorityError) {
    let dates = 0 ... Self.latestDate
    guard self.lifetimeSeconds > 0 else {
      throw .invalid(field: "lifetime", problem: "is not positive")
    }
    guard dates.contains(self.issuedAt.seconds), dates.contains(self.expiresAt.seconds) else {
      throw .invalid(field: "lifetime", problem: "reaches beyond the year 9999")
    }
    if let begin = self.firstSecond {
      guard dates.contains(begin), begin < self.expiresAt.seconds else {
        throw .invalid(field: "not_before", problem: "is not before the expiry")
      }
    }
    try Self.check(self.issuer.text, "issuer", longest: 1_024)
    try Self.check(self.subject.text, "subject")
    try Self.check(self.clientID.text, "client_id")
    try Self.check(self.id.text, "id")
    try Self.check(self.tenant.text, "tenant")
    try Self.check(self.grantID.text, "grant_id")
    guard (1 ... TrustedIssuer.maximumAudiences).contains(self.audiences.count) else {
      throw .invalid(field: "audiences", problem: "are none, or more than 64")
    }
    for audience in self.audiences {
      try Self.check(audience.text, "audiences", longest: BearerToken.maximumLength)
    }
    guard self.scopes.count <= Self.mostGrants, self.roles.count <= Self.mostGrants,
      self.networks.count <= Self.mostGrants
    else { throw .invalid(field: "scopes", problem: "are more than 256, or roles or networks are") }
    for scope in self.scopes {
      // RFC 6749 §3.3. A space would make two scopes of one, and nobody has been asked about those.
      let isScope = scope.text.utf8.allSatisfy {
        $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
      }
      guard isScope, !scope.text.utf8.isEmpty else {
        throw .invalid(field: "scopes", problem: "contain one that is no scope")
      }
    }
    for role in self.roles { try Self.check(role.text, "roles") }
    if let methods {
      guard (1 ... Self.mostGrants).contains(methods.count),
        methods.allSatisfy({ MethodPattern($0) != nil })
      else {
        throw .invalid(field: "methods", problem: "are none, more than 256, or contain no pattern")
      }
    }
  }

  /// Verifiers refuse names with control characters, and those that are empty or too long.
  private static func check(
    _ text: String,
    _ field: String,
    longest: Int = 256
  ) throws(AuthorityError) {
    let bytes = text.utf8.span
    guard (1 ... longest).contains(bytes.count) else {
      throw .invalid(field: field, problem: "has not 1 to \(longest) bytes")
    }
    for index in bytes.indices where bytes[index] < 0x20 || bytes[index] == 0x7F {
      throw .invalid(field: field, problem: "has a control character")
    }
  }
}

// MARK: - Writing

extension [UInt8] {
  fileprivate mutating func append(member text: StaticString) {
    text.withUTF8Buffer { self.append(contentsOf: $0) }
  }

  fileprivate mutating func append(member text: StaticString, quoted value: String) {
    self.append(member: text)
    self.append(quoted: value)
  }

  fileprivate mutating func append(quoted text: String) {
    let bytes = text.utf8.span
    for index in bytes.indices {
      let byte = bytes[index]
      guard byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else {
        JSONText.append(quoted: text, to: &self)
        return
      }
    }
    self.append(UInt8(ascii: "\""))
    self.append(contentsOf: text.utf8)
    self.append(UInt8(ascii: "\""))
  }

  fileprivate mutating func append(number: Int64) {
    self.append(contentsOf: String(number).utf8)
  }

  fileprivate mutating func append<Value>(
    list elements: [Value],
    _ body: (inout [UInt8], Value) -> Void
  ) {
    self.append(UInt8(ascii: "["))
    for (index, element) in elements.enumerated() {
      if index > 0 { self.append(UInt8(ascii: ",")) }
      body(&self, element)
    }
    self.append(UInt8(ascii: "]"))
  }

  /// `192.0.2.0/24` or, without the abbreviation of zeros, `2001:db8:0:0:0:0:0:0/32` (RFC 4291 §2.2).
  fileprivate mutating func append(network: NetworkPrefix) {
    let address = network.address
    let isIPv4 = address.count == 4
    var parts: [String] = []
    if isIPv4 {
      parts = address.map { String($0) }
    } else {
      for index in stride(from: 0, to: address.count - 1, by: 2) {
        parts.append(String(UInt16(address[index]) << 8 | UInt16(address[index + 1]), radix: 16))
      }
    }
    self.append(quoted: "\(parts.joined(separator: isIPv4 ? "." : ":"))/\(network.length)")
  }
}
