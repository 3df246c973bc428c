// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Who calls: an identity that a verifier has proven.
///
/// There is no public initialiser. A principal comes out of verification, so holding one is proof
/// that its token was checked; custom verifiers say so with ``init(assertingVerified:)``, which is
/// easy to search for.
public struct Principal: Sendable {
  private let storage: Storage

  /// What a verifier asserts about a credential that it has checked.
  public struct Assertion: Sendable {
    /// Who vouches for the identity.
    public var issuer: Issuer
    /// Whom the credential speaks for.
    public var subject: Subject
    /// The credential's public name, if it has one.
    public var tokenID: TokenID?
    /// The client that the credential was given to, if known.
    public var clientID: ClientID?
    /// Granted scopes.
    public var scopes: [Scope]
    /// Assigned roles.
    public var roles: [Role]
    /// When the credential was issued, if known.
    public var issuedAt: UnixTime?
    /// The first moment at which the credential counts, with the issuer's skew already granted: the
    /// later of `nbf` and `iat`.
    public var notBefore: UnixTime?
    /// The first moment at which the credential no longer counts, with the issuer's skew granted.
    public var expiresAt: UnixTime
    /// The expiry as the credential states it, without skew; nil where that is ``expiresAt``.
    public var statedExpiry: UnixTime?
    /// The client certificate that must come with the credential (RFC 8705 §3.1).
    public var certificate: CertificateThumbprint?
    /// The tenant of the subject, where the issuer has several.
    public var tenant: Tenant?
    /// The only methods that may be called with the credential; nil for no limit of its own.
    public var methods: MethodLimit?
    /// The networks that the credential may be used from; empty for all.
    public var networks: [NetworkPrefix]
    /// Whether the credential may be used once only.
    public var isSingleUse: Bool
    /// Whether the credential came with a secret that has a successor already, in its grace.
    package var usesPreviousSecret: Bool
    /// The services that the credential is for, where ``claims`` do not say it (`aud`).
    public var audiences: [Audience]
    /// The claims behind the identity.
    public var claims: Claims

    /// - Parameters:
    ///   - issuer: who vouches for the identity.
    ///   - subject: whom the credential speaks for.
    ///   - expiresAt: the first moment at which the credential no longer counts.
    public init(issuer: Issuer, subject: Subject, expiresAt: UnixTime) {
      self.issuer = issuer
      self.subject = subject
      self.expiresAt = expiresAt
      self.scopes = []
      self.roles = []
      self.networks = []
      self.audiences = []
      self.isSingleUse = false
      self.usesPreviousSecret = false
      self.claims = Claims()
    }
  }

  private final class Storage: Sendable {
    let assertion: Assertion
    init(_ assertion: Assertion) { self.assertion = assertion }
  }

  /// Makes a principal from a credential that the caller has verified by its own means.
  /// Whoever calls this vouches for every field.
  public init(assertingVerified assertion: Assertion) {
    self.storage = Storage(assertion)
  }

  /// Who vouches for the identity.
  public var issuer: Issuer { self.storage.assertion.issuer }
  /// Whom the token speaks for, within its issuer.
  public var subject: Subject { self.storage.assertion.subject }
  /// The token's public name (`jti`), if it has one.
  public var tokenID: TokenID? { self.storage.assertion.tokenID }
  /// The OAuth client, if known.
  public var clientID: ClientID? { self.storage.assertion.clientID }
  /// Granted scopes.
  public var scopes: [Scope] { self.storage.assertion.scopes }
  /// Assigned roles.
  public var roles: [Role] { self.storage.assertion.roles }
  /// When the token was issued, if known.
  public var issuedAt: UnixTime? { self.storage.assertion.issuedAt }
  /// The first moment at which the token counts, with the issuer's skew granted.
  public var notBefore: UnixTime? { self.storage.assertion.notBefore }
  /// The first moment at which the token no longer counts, with the issuer's skew granted.
  public var expiresAt: UnixTime { self.storage.assertion.expiresAt }
  /// The client certificate that the token is bound to, if any.
  public var certificate: CertificateThumbprint? { self.storage.assertion.certificate }
  /// The tenant of the subject, where the issuer has several and says which.
  public var tenant: Tenant? { self.storage.assertion.tenant }
  /// The only methods that may be called with the token; nil for no limit of its own.
  public var methods: MethodLimit? { self.storage.assertion.methods }
  /// The networks that the token may be used from; empty for all.
  public var networks: [NetworkPrefix] { self.storage.assertion.networks }
  /// Whether the token may be used once only.
  public var isSingleUse: Bool { self.storage.assertion.isSingleUse }
  /// Whether the token was presented with a secret that has a successor already, in its grace.
  package var usesPreviousSecret: Bool { self.storage.assertion.usesPreviousSecret }
  /// Further claims of the token.
  public var claims: Claims { self.storage.assertion.claims }
  /// The services that the token is for; empty where that is not known.
  public var audiences: [Audience] {
    let stated = self.storage.assertion.audiences
    if !stated.isEmpty { return stated }
    if let one = self.claims.string("aud") { return [Audience(one)] }
    return (self.claims.strings("aud") ?? []).map { Audience($0) }
  }

  /// When a call that is allowed now has to end. The skew is for clocks that differ when a call
  /// begins; a stream that goes on has no use for it and ends with the expiry that the token states,
  /// unless the call began behind it already.
  package func callEnd(at now: UnixTime) -> UnixTime {
    guard let stated = self.storage.assertion.statedExpiry, now < stated else {
      return self.expiresAt
    }
    return min(stated, self.expiresAt)
  }

  /// Whether the subject is the client itself: a token of the client credentials grant (RFC 9068
  /// §5), with no person behind it.
  public var isClientActingForItself: Bool {
    guard let clientID else { return false }
    return clientID.text.hasSameBytes(as: self.subject.text)
  }

  /// Whether the token may be used from where its caller is. A caller whose address is not known is
  /// nowhere.
  /// - Parameter peer: the caller's address as the transport names it.
  package func isAllowed(from peer: String?) -> Bool {
    let networks = self.storage.assertion.networks
    guard !networks.isEmpty else { return true }
    guard let address = peer.flatMap(PeerAddress.init(peer:)) else { return false }
    return networks.contains { $0.contains(address) }
  }

  /// Nil while the principal's dates let it through.
  package func refusal(at now: UnixTime) -> DenialReason? {
    // `exp` itself is already too late (RFC 7519 §4.1.4: "on or after").
    guard now < self.expiresAt else { return .tokenExpired }
    if let notBefore, now < notBefore { return .tokenNotYetValid }
    return nil
  }
}

extension Principal {
  /// The caller of the RPC that the current task serves; nil outside a guarded call and for
  /// anonymous callers.
  @TaskLocal public static var current: Principal?
}

extension Principal: CustomStringConvertible, CustomReflectable {
  /// The subject and its issuer, quoted: both are text of somebody else.
  public var description: String {
    "\(JSONText.quoted(self.subject.text)) of \(JSONText.quoted(self.issuer.text))"
  }
  /// Issuer and subject; not the other claims.
  public var customMirror: Mirror {
    Mirror(self, children: ["issuer": self.issuer.text, "subject": self.subject.text])
  }
}
