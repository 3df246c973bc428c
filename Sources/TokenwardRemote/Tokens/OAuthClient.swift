// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore
internal import TokenwardHTTP

/// Who a client is to an OAuth authorization server, and how it proves that (RFC 6749 §2.3.1).
public struct OAuthClient: Sendable {
  /// How the secret is sent.
  public enum Authentication: Sendable, Hashable {
    /// In the `authorization` header, as `client_secret_basic`: every server has to accept it.
    case basic
    /// In the form, as `client_secret_post`: for servers that accept nothing else.
    case post
  }

  let id: String
  let secret: any SecretSource
  let authentication: Authentication

  /// - Parameters:
  ///   - id: the client id, as registered.
  ///   - secret: where its secret is. It is asked at every fetch, so that a replaced secret takes
  ///     hold; there is no way to give the secret itself.
  ///   - authentication: how the secret is sent.
  /// - Throws: `ConfigurationError` if the id is empty, or names a variable of the environment.
  public init(
    id: String,
    secret: any SecretSource,
    authentication: Authentication = .basic
  ) throws(ConfigurationError) {
    guard !id.isEmpty else {
      throw ConfigurationError(
        path: "client.id",
        problem: "is empty",
        hint: "write the client id that the authorization server knows"
      )
    }
    try EnvironmentReference.refuse(id, at: "client.id")
    self.id = id
    self.secret = secret
    self.authentication = authentication
  }

  /// Adds the proof to a request.
  func authenticate(
    _ form: inout FormText,
    headers: inout [(name: String, value: String)]
  ) async throws(TokenSourceError) {
    let secret: SecretBytes
    do throws(SecretError) {
      secret = try await self.secret.secret()
    } catch {
      throw TokenSourceError(error)
    }
    guard secret.count > 0 else {
      throw TokenSourceError(
        .unusable,
        problem: "the secret of the client is empty",
        hint: "put the secret into its file or vault"
      )
    }
    let bytes = secret.withExposedBytes { span in
      var bytes: [UInt8] = []
      for index in span.indices { bytes.append(span[index]) }
      return bytes
    }
    switch self.authentication {
    case .basic:
      // Both are form-encoded first: an id may contain a colon.
      let pair = FormText.encoded(self.id.utf8) + [UInt8(ascii: ":")] + FormText.encoded(bytes)
      headers.append(("authorization", "Basic \(PaddedBase64.encode(pair))"))
    case .post:
      form.add("client_id", self.id)
      form.add("client_secret", bytes)
    }
  }
}

extension OAuthClient: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The id.
  public var description: String { "<client \(self.id)>" }
  /// The same.
  public var debugDescription: String { self.description }
  /// Nothing: what a source of secrets holds is its own affair.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
