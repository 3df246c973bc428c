// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// An API token whose secret was presented and which works now.
public struct APITokenMatch: Sendable {
  private let record: APITokenRecord
  private let effective: APITokenGrants.Effective
  /// Whether it was presented with the secret before the present one, in its grace.
  public let usesPreviousSecret: Bool
  /// The digest to keep instead of the one that it was found by; nil if that is under the current
  /// pepper already.
  public let rekey: Rekey?

  /// One digest of a secret for another of the same secret.
  public struct Rekey: Sendable, Hashable {
    /// The digest that it was found by.
    public var old: APITokenEntry.Digest
    /// The digest under the current pepper.
    public var new: APITokenEntry.Digest

    /// - Parameters:
    ///   - old: the digest that it was found by.
    ///   - new: the digest under the current pepper.
    public init(old: APITokenEntry.Digest, new: APITokenEntry.Digest) {
      self.old = old
      self.new = new
    }
  }

  init(
    record: APITokenRecord,
    effective: APITokenGrants.Effective,
    usesPreviousSecret: Bool,
    rekey: Rekey?
  ) {
    self.record = record
    self.effective = effective
    self.usesPreviousSecret = usesPreviousSecret
    self.rekey = rekey
  }

  /// Its public name.
  public var id: TokenID { self.record.key.id }
  /// The tenant of its owner.
  public var tenant: Tenant { self.record.owner.tenant.tenant }
  /// Whom it speaks for.
  public var owner: Owner { self.record.owner.owner }
  /// Whom it speaks for, as principals name it: `tenant/owner`.
  public var subject: Subject { self.record.owner.subject }
  /// Those of its roles that exist.
  public var roles: [Role] { self.effective.roles }
  /// Its scopes and those of its roles.
  public var scopes: [Scope] { self.effective.scopes }
  /// The only methods that it may call; nil if none of its roles names any.
  public var methods: MethodLimit? { self.effective.methods }
  /// The services that it is for.
  public var audiences: [Audience] { self.record.grants.content.audiences }
  /// The networks that it may be used from; empty for all.
  public var networks: [NetworkPrefix] { self.record.grants.content.networks }
  /// The client certificate that it must come with.
  public var certificate: CertificateThumbprint? { self.record.grants.content.certificate }
  /// When it was made.
  public var createdAt: UnixTime { UnixTime(packed: self.record.createdAt) }
  /// The first moment at which it counts; nil for at once.
  public var notBefore: UnixTime? {
    self.record.notBefore == .min ? nil : UnixTime(packed: self.record.notBefore)
  }
  /// The first moment at which it no longer counts.
  public var expiresAt: UnixTime { UnixTime(packed: self.record.expiresAt) }
}
