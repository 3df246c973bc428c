// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The party that signs tokens: the `iss` claim (RFC 7519 §4.1.1). Compared by bytes: a trailing
/// slash, another letter case or a look-alike is another issuer.
public struct Issuer: ByteComparedText {
  /// The value, byte for byte.
  public let text: String
  /// Takes the value as it is.
  public init(_ text: String) { self.text = text }
}

/// The party that a token is meant for: one value of the `aud` claim (RFC 7519 §4.1.3).
public struct Audience: ByteComparedText {
  /// The value, byte for byte.
  public let text: String
  /// Takes the value as it is.
  public init(_ text: String) { self.text = text }
}

/// Whom a token speaks for, within its issuer: the `sub` claim (RFC 7519 §4.1.2).
public struct Subject: ByteComparedText {
  /// The value, byte for byte.
  public let text: String
  /// Takes the value as it is.
  public init(_ text: String) { self.text = text }
}

/// A delegated permission: one element of the `scope` claim (RFC 6749 §3.3, RFC 8693 §4.2).
public struct Scope: ByteComparedText {
  /// The value, byte for byte.
  public let text: String
  /// Takes the value as it is.
  public init(_ text: String) { self.text = text }
}

/// An assigned function: one element of the `roles` claim (RFC 9068 §2.2.3.1).
public struct Role: ByteComparedText {
  /// The value, byte for byte.
  public let text: String
  /// Takes the value as it is.
  public init(_ text: String) { self.text = text }
}

/// The OAuth client that asked for a token: the `client_id` claim (RFC 9068 §2.2).
public struct ClientID: ByteComparedText {
  /// The value, byte for byte.
  public let text: String
  /// Takes the value as it is.
  public init(_ text: String) { self.text = text }
}

/// The public name of one token: the `jti` claim (RFC 7519 §4.1.7). It is not a secret: it names a
/// token in audit records and revocations without being usable as one.
public struct TokenID: ByteComparedText {
  /// The value, byte for byte.
  public let text: String
  /// Takes the value as it is.
  public init(_ text: String) { self.text = text }
}

/// A party that shares an authority with others and must not see their tokens. Compared by bytes.
public struct Tenant: ByteComparedText {
  /// The value, byte for byte.
  public let text: String
  /// Takes the value as it is.
  public init(_ text: String) { self.text = text }

  /// The tenant of an authority that has only one.
  public static let main: Tenant = "main"
}

/// Whom an API token speaks for, within its tenant: a service or a person. It becomes the subject of
/// the token's principal, behind its tenant: `tenant/owner`. Compared by bytes.
public struct Owner: ByteComparedText {
  /// The value, byte for byte.
  public let text: String
  /// Takes the value as it is.
  public init(_ text: String) { self.text = text }
}
