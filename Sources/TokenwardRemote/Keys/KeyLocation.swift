// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore
public import TokenwardHTTP

/// Where an issuer publishes its keys.
public enum KeyLocation: Sendable, Hashable {
  /// At this address.
  case address(RemoteURL)
  /// Where the issuer's discovery document says. The document must name the configured issuer, and
  /// the keys must be on the issuer's host or on one of `hosts`, by TLS.
  case discovery(Discovery, hosts: [String])
  /// In a file, looked at for changes every ten seconds.
  case file(String)

  /// Which discovery document is asked for.
  public enum Discovery: Sendable, Hashable {
    /// `/.well-known/openid-configuration` behind the issuer (OpenID Connect Discovery §4), and if
    /// there is none the one of RFC 8414.
    case any
    /// `/.well-known/openid-configuration` behind the issuer (OpenID Connect Discovery §4).
    case openID
    /// `/.well-known/oauth-authorization-server` between host and path of the issuer (RFC 8414 §3).
    case oauth
  }

  /// The discovery document of either kind, with the keys on the issuer's own host.
  public static let discovery = KeyLocation.discovery(.any, hosts: [])
}

/// How an issuer is asked for its keys.
public struct KeyAccess: Sendable, Hashable {
  /// Who may vouch for the issuer's certificate.
  public var roots: HTTPRoots
  /// A file with a bearer token that the issuer wants to see, as Kubernetes does. It is read for each
  /// request, and sent to the host of the configured address or issuer only.
  public var tokenFile: String?
  /// Why `http` to a loopback address is accepted; nil if it is not.
  public var plaintext: RemoteURL.Plaintext?

  /// - Parameters:
  ///   - roots: who may vouch for the issuer's certificate; the system's authorities unless given.
  ///   - tokenFile: a file with a bearer token that the issuer wants to see.
  ///   - plaintext: why `http` to a loopback address is accepted.
  public init(
    roots: HTTPRoots = .system,
    tokenFile: String? = nil,
    plaintext: RemoteURL.Plaintext? = nil
  ) {
    self.roots = roots
    self.tokenFile = tokenFile
    self.plaintext = plaintext
  }
}

extension KeyLocation {
  func documents(
    of issuer: Issuer,
    access: KeyAccess
  ) throws(ConfigurationError) -> any KeyDocuments {
    switch self {
    case .file(let path):
      return KeyFile(path: path)
    case .address(let url):
      return KeyAddress(url: url, tokenFile: access.tokenFile, client: try .keys(access))
    case .discovery(let kind, let hosts):
      let url: RemoteURL
      do throws(RemoteURL.Problem) {
        url = try RemoteURL(issuer.text, plaintext: access.plaintext)
      } catch {
        throw ConfigurationError([
          .init(
            path: "jwks.discover",
            problem: "the issuer is no address that can be asked: \(error.explanation)",
            hint: "give the address of its keys with jwks: {uri: …}"
          )
        ])
      }
      return DiscoveredKeys(
        issuer: issuer,
        url: url,
        kind: kind,
        hosts: hosts,
        tokenFile: access.tokenFile,
        client: try .keys(access)
      )
    }
  }
}

extension RemoteURL.Problem {
  /// The problem in words.
  package var explanation: String {
    switch self {
    case .malformed: "write https://host/path, without user, fragment or escapes in the host"
    case .plaintext: "http is not protected; use https"
    case .plaintextToElsewhere: "http is for 127.0.0.1 and [::1] only; use https"
    }
  }
}

extension HTTPTransport where Self == HTTPSClient {
  fileprivate static func keys(_ access: KeyAccess) throws(ConfigurationError) -> HTTPSClient {
    try HTTPSClient(roots: access.roots, maximumBody: KeySet.maximumLength)
  }
}
