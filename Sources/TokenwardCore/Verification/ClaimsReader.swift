// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Reads the claims of a token and makes a ``Principal`` of them.
///
/// Every rule where the specifications leave room is decided one way: a claim with another type than
/// its specification gives it is an error, never ignored and never converted.
struct ClaimsReader {
  /// Longest `sub`, `jti` and `client_id`, in bytes.
  static let longestName = 256
  /// Most scopes and most roles.
  static let mostGrants = 256
  /// Most networks.
  static let mostNetworks = 64

  private let document: JSONDocument
  private let members: ClaimMembers

  /// - Parameter payload: the decoded payload of a token whose signature is not checked yet.
  /// - Throws: ``DenialReason/tokenMalformed``.
  init(unverified payload: [UInt8]) throws(VerificationFailure) {
    do {
      self.document = try JSONDocument(payload, limits: .token)
    } catch {
      throw VerificationFailure(.tokenMalformed)
    }
    guard self.document.kind(of: self.document.root) == .object else {
      throw VerificationFailure(.tokenMalformed)
    }
    self.members = ClaimMembers(of: self.document)
  }

  /// - Parameter document: an object with claims that somebody vouches for by other means.
  init(_ document: JSONDocument) {
    self.document = document
    self.members = ClaimMembers(of: document)
  }

  /// `iss`, before the signature: it chooses whose keys are asked, nothing else.
  func issuer() throws(DenialReason) -> JSONDocument.Node {
    guard let node = self.members.iss else { throw .claimMissing }
    // An array of issuers let a token name a trusted one beside its own (CVE-2025-30144).
    guard self.document.kind(of: node) == .string else { throw .claimMalformed }
    return node
  }

  func equals<Name: ByteComparedText>(_ node: JSONDocument.Node, _ name: Name) -> Bool {
    self.document.equals(node, utf8: name.text.utf8.span)
  }

  /// Judges the claims after the signature was found good.
  func principal(of issuer: TrustedIssuer, at now: UnixTime) throws(DenialReason) -> Principal {
    // A NUL or line break in a claim cuts or forges whatever the claim is written into (CWE-117).
    guard !self.document.hasControlCharacters else { throw .claimMalformed }

    let dates = try self.dates(of: issuer, at: now)
    try self.checkAudience(issuer.audiences)

    let subject = try self.name(self.members.sub, isMandatory: true) ?? ""
    if let prefix = issuer.subjectPrefix, !subject.utf8.starts(with: prefix.utf8) {
      throw .claimMalformed
    }
    var assertion = Principal.Assertion(
      issuer: issuer.issuer,
      subject: Subject(subject),
      expiresAt: dates.expiresAt
    )
    assertion.statedExpiry = dates.statedExpiry
    assertion.notBefore = dates.notBefore
    assertion.issuedAt = dates.issuedAt
    assertion.tokenID = try self.name(self.members.jti, isMandatory: issuer.isSingleUse).map(
      TokenID.init
    )
    assertion.clientID = try self.name(self.members.clientID, isMandatory: false).map(ClientID.init)
    assertion.scopes = self.scopes()
    assertion.roles = self.roles()
    assertion.certificate = try self.boundCertificate()
    assertion.tenant = try self.name(self.members.tenant, isMandatory: false).map(Tenant.init)
    assertion.methods = try self.methods()
    assertion.networks = try self.networks()
    assertion.isSingleUse = issuer.isSingleUse
    assertion.claims = Claims(self.document)

    // Delegation (RFC 8693 §4.1) makes somebody act for the subject. A policy that does not know of
    // it would take the actor for the subject.
    guard self.members.act == nil else { throw .claimMalformed }
    // `crit` belongs into the header. An issuer that puts it here asks for rules that nobody would
    // follow (catalogue A13).
    guard self.members.crit == nil else { throw .claimMalformed }
    return Principal(assertingVerified: assertion)
  }
}

// MARK: - Dates

extension ClaimsReader {
  private struct Dates {
    var expiresAt: UnixTime
    var statedExpiry: UnixTime
    var notBefore: UnixTime?
    var issuedAt: UnixTime?
  }

  private func dates(of issuer: TrustedIssuer, at now: UnixTime) throws(DenialReason) -> Dates {
    guard let expiry = try self.date(self.members.exp) else { throw .claimMissing }
    let notBefore = try self.date(self.members.nbf)
    let issuedAt = try self.date(self.members.iat)
    let skew = issuer.clockSkew.seconds

    // `exp` plus the skew is the first moment at which the token is too old (RFC 7519 §4.1.4).
    let expiresAt = expiry.adding(seconds: skew)
    guard now < expiresAt else { throw .tokenExpired }

    // A token from the future was made by a broken clock, or by somebody who plans ahead: `iat`
    // counts like `nbf`, and is judged like it again while the token is cached.
    var begin = notBefore
    if let issuedAt, begin.map({ $0 < issuedAt }) ?? true { begin = issuedAt }
    begin = begin?.adding(seconds: -skew)
    if let begin, now < begin { throw .tokenNotYetValid }

    // A lifetime is judged from the issue and from now. A token without `iat`, whose real lifetime
    // nobody can know, is accepted in its last permitted lifetime only.
    let latest = now.adding(seconds: issuer.maximumLifetimeSeconds)
    guard expiry <= latest.adding(seconds: skew) else { throw .lifetimeExceeded }
    if let issuedAt, expiry > issuedAt.adding(seconds: issuer.maximumLifetimeSeconds) {
      throw .lifetimeExceeded
    }
    return Dates(
      expiresAt: expiresAt,
      statedExpiry: expiry,
      notBefore: begin,
      issuedAt: issuedAt
    )
  }

  private func date(_ node: JSONDocument.Node?) throws(DenialReason) -> UnixTime? {
    guard let node else { return nil }
    guard let seconds = self.document.numericDate(node) else { throw .claimMalformed }
    return UnixTime(seconds: seconds)
  }
}

// MARK: - Audience

extension ClaimsReader {
  private func checkAudience(_ requirement: AudienceRequirement) throws(DenialReason) {
    guard let node = self.members.aud else {
      if case .unchecked = requirement { return }
      throw .claimMissing
    }
    var isNamed = false
    switch self.document.kind(of: node) {
    case .string:
      isNamed = self.isNamed(node, by: requirement)
      guard !self.isEmpty(node) else { throw .claimMalformed }
    case .array:
      // An empty list names nobody; it is not "everybody" (CVE-2020-26160).
      let count = self.document.count(of: node)
      guard (1 ... TrustedIssuer.maximumAudiences).contains(count) else { throw .claimMalformed }
      for element in self.document.elements(of: node) {
        guard self.document.kind(of: element) == .string, !self.isEmpty(element) else {
          throw .claimMalformed
        }
        if self.isNamed(element, by: requirement) { isNamed = true }
      }
    default:
      throw .claimMalformed
    }
    guard isNamed else { throw .audienceMismatch }
  }

  private func isNamed(_ node: JSONDocument.Node, by requirement: AudienceRequirement) -> Bool {
    switch requirement {
    case .oneOf(let audiences): audiences.contains { self.equals(node, $0) }
    case .unchecked: true
    }
  }

  private func isEmpty(_ node: JSONDocument.Node) -> Bool { self.document.equals(node, "") }
}

// MARK: - Names and grants

extension ClaimsReader {
  private func name(
    _ node: JSONDocument.Node?,
    isMandatory: Bool
  ) throws(DenialReason) -> String? {
    guard let node else {
      if isMandatory { throw .claimMissing }
      return nil
    }
    guard let text = self.document.string(node), !text.isEmpty,
      text.utf8.count <= Self.longestName
    else { throw .claimMalformed }
    return text
  }

  /// `scope`: names separated by single spaces (RFC 6749 §3.3). Any other form grants nothing.
  private func scopes() -> [Scope] {
    guard let node = self.members.scope,
      let text = self.document.string(node), !text.isEmpty
    else { return [] }
    let bytes = text.utf8.span
    var scopes: [Scope] = []
    var start = 0
    for index in 0 ... bytes.count {
      if index < bytes.count, bytes[index] != UInt8(ascii: " ") {
        // A tab, a quote or anything else outside the grammar: no grant at all.
        let byte = bytes[index]
        guard byte > 0x20, byte < 0x7F, byte != 0x22, byte != 0x5C else { return [] }
        continue
      }
      // A doubled space, or a list that is too long.
      guard index > start, scopes.count < Self.mostGrants else { return [] }
      let name = bytes.extracting(start ..< index)
      scopes.append(
        Scope(
          unsafe name.withUnsafeBufferPointer {
            unsafe String(decoding: $0, as: UTF8.self)
          }
        )
      )
      start = index + 1
    }
    return scopes
  }

  /// `roles`: an array of strings (RFC 9068 §2.2.3.1). Any other form grants nothing.
  private func roles() -> [Role] {
    guard let node = self.members.roles,
      self.document.kind(of: node) == .array,
      self.document.count(of: node) <= Self.mostGrants
    else { return [] }
    var roles: [Role] = []
    for element in self.document.elements(of: node) {
      guard let role = self.document.string(element) else { return [] }
      roles.append(Role(role))
    }
    return roles
  }

  /// `tokenward_methods`: the only methods that may be called. A limit that cannot be read in full is
  /// no limit that anybody could keep, so the token is refused; and so it is with an empty one.
  private func methods() throws(DenialReason) -> MethodLimit? {
    guard let node = self.members.methods else { return nil }
    let patterns = try self.list(node, atMost: MethodLimit.maximumPatterns)
    guard patterns.allSatisfy({ MethodPattern($0) != nil }) else { throw .claimMalformed }
    return MethodLimit(patterns: patterns)
  }

  /// `tokenward_networks`: the only networks that the token may be used from, judged as strictly.
  private func networks() throws(DenialReason) -> [NetworkPrefix] {
    guard let node = self.members.networks else { return [] }
    let texts = try self.list(node, atMost: Self.mostNetworks)
    let networks = texts.compactMap { NetworkPrefix($0) }
    guard networks.count == texts.count else { throw .claimMalformed }
    return networks
  }

  /// An array of 1 to `most` strings.
  private func list(_ node: JSONDocument.Node, atMost most: Int) throws(DenialReason) -> [String] {
    guard self.document.kind(of: node) == .array,
      (1 ... most).contains(self.document.count(of: node))
    else { throw .claimMalformed }
    var list: [String] = []
    for element in self.document.elements(of: node) {
      guard let text = self.document.string(element) else { throw .claimMalformed }
      list.append(text)
    }
    return list
  }

  /// `cnf` (RFC 7800): the token is good only together with a proof. The one proof that can be
  /// checked is a client certificate; a token that asks for another is refused (RFC 9449 §7.1).
  private func boundCertificate() throws(DenialReason) -> CertificateThumbprint? {
    guard let confirmation = self.members.cnf else { return nil }
    guard self.document.kind(of: confirmation) == .object,
      self.document.count(of: confirmation) == 1,
      let node = self.document.member("x5t#S256", of: confirmation),
      let text = self.document.string(node),
      let thumbprint = CertificateThumbprint(base64URL: text)
    else { throw .bindingMismatch }
    return thumbprint
  }
}

extension JSONDocument {
  /// Whether any string or member name of the text holds a control character.
  fileprivate var hasControlCharacters: Bool {
    self.tape.contains { $0.containsControlCharacter }
  }
}
