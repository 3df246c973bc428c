// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore
public import TokenwardHTTP

/// The address where an authorization server issues tokens (RFC 6749 §3.2).
///
/// Requests go over TLS with a verified certificate, end within five seconds, follow no redirect, and
/// use no proxy.
public struct TokenEndpoint: Sendable {
  let url: RemoteURL
  let transport: any HTTPTransport
  let time: any TimeSource

  /// - Parameters:
  ///   - url: the address.
  ///   - roots: who may have signed the server's certificate.
  ///   - time: where the clock is read.
  /// - Throws: `ConfigurationError` if the roots cannot be read.
  public init(
    _ url: RemoteURL,
    roots: HTTPRoots = .system,
    time: any TimeSource = SystemTime()
  ) throws(ConfigurationError) {
    self.init(url, transport: try HTTPSClient(roots: roots), time: time)
  }

  package init(_ url: RemoteURL, transport: any HTTPTransport, time: any TimeSource) {
    self.url = url
    self.transport = transport
    self.time = time
  }

  /// Asks for a token.
  func request(
    _ form: FormText,
    client: OAuthClient?,
    issuedType: TokenTypeURI? = nil,
    needsIssuedType: Bool = false
  ) async throws(TokenSourceError) -> IssuedToken {
    var form = form
    var headers = [
      (name: "content-type", value: "application/x-www-form-urlencoded"),
      (name: "accept", value: "application/json"),
    ]
    try await client?.authenticate(&form, headers: &headers)
    guard let now = self.time.now() else { throw .clockUnavailable }
    let answer: HTTPAnswer
    do throws(HTTPFailure) {
      answer = try await self.transport.exchange(
        HTTPExchange(.post, self.url, headers: headers, body: form.bytes)
      )
    } catch {
      throw TokenSourceError(error)
    }
    return try TokenResponse.token(
      in: answer,
      asked: now.unix,
      issuedType: issuedType,
      needsIssuedType: needsIssuedType
    )
  }
}

extension TokenEndpoint: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The address without its query.
  public var description: String { "<token endpoint \(self.url)>" }
  /// The same.
  public var debugDescription: String { self.description }
  /// Nothing.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// What a token is for, in the request for it.
public struct TokenPurpose: Sendable {
  /// What it may be used for (`scope`, RFC 6749 §3.3).
  public let scopes: [Scope]
  /// Whom it is for, by a name that the authorization server knows (`audience`, RFC 8693 §2.1).
  public let audiences: [Audience]
  /// Whom it is for, by address (`resource`, RFC 8707 §2).
  public let resources: [RemoteURL]

  /// - Parameters:
  ///   - scopes: what it may be used for; the server's own choice if empty.
  ///   - audiences: whom it is for.
  ///   - resources: whom it is for, by address.
  /// - Throws: `ConfigurationError` if a scope or an audience is empty, or a scope has characters that
  ///   no scope has.
  public init(
    scopes: [Scope] = [],
    audiences: [Audience] = [],
    resources: [RemoteURL] = []
  ) throws(ConfigurationError) {
    for scope in scopes {
      // RFC 6749 §3.3: %x21 / %x23-5B / %x5D-7E. A space would make it two.
      let isScope = scope.text.utf8.allSatisfy {
        $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C
      }
      guard isScope, !scope.text.isEmpty else {
        throw ConfigurationError(
          path: "client.scopes",
          problem: "one of them is no scope",
          hint: "list scopes one by one, without spaces, quotes and backslashes"
        )
      }
    }
    guard audiences.allSatisfy({ !$0.text.isEmpty }) else {
      throw ConfigurationError(
        path: "client.audiences",
        problem: "one of them is empty",
        hint: "write the name that the authorization server knows"
      )
    }
    self.scopes = scopes
    self.audiences = audiences
    self.resources = resources
  }

  /// No word about it: the authorization server decides.
  public static let unstated = TokenPurpose()

  private init() {
    self.scopes = []
    self.audiences = []
    self.resources = []
  }

  func add(to form: inout FormText) {
    if !self.scopes.isEmpty {
      form.add("scope", self.scopes.map(\.text).joined(separator: " "))
    }
    for audience in self.audiences { form.add("audience", audience.text) }
    for resource in self.resources { form.add("resource", resource.text) }
  }
}
