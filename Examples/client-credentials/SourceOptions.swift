// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardHTTP
internal import TokenwardRemote

/// Which of the sources is used. A secret is never an argument: the file that holds it is.
struct SourceOptions: ParsableArguments {
  @Option(help: "The token endpoint of an OAuth authorization server (https).")
  var tokenEndpoint: String?

  @Option(help: "Why http is accepted for the token endpoint; loopback addresses only.")
  var tokenEndpointPlaintext: String?

  @Option(help: "The PEM file of the authority that signed its certificate; else the system's.")
  var tokenCA: String?

  @Option(help: "The client id at the token endpoint.")
  var clientID: String?

  @Option(help: "The file of the client's secret; only its owner can read it (chmod 600).")
  var clientSecretFile: String?

  @Flag(help: "Send the secret in the form, for servers that do not accept Basic.")
  var postSecret = false

  @Option(help: "A scope to ask for; may be repeated.")
  var scope: [String] = []

  @Option(help: "The audience to ask for, or that an SVID has to name; may be repeated.")
  var audience: [String] = []

  @Option(help: "A file that somebody else keeps a token in, in place of a token endpoint.")
  var tokenFile: String?

  @Option(help: "A file with a SPIFFE JWT-SVID, in place of a token endpoint.")
  var svidFile: String?

  func make(counting fetches: CountingFetches) throws(ConfigurationError) -> any TokenSource {
    switch (self.tokenEndpoint, self.tokenFile, self.svidFile) {
    case (let endpoint?, nil, nil):
      return CachedTokenSource(fetches.counting(try self.clientCredentials(endpoint)))
    case (nil, let file?, nil):
      return FileTokenSource(path: file)
    case (nil, nil, let file?):
      guard let audience = self.audience.first else {
        throw problem("audience", "is absent", "name the audience of the service that is called")
      }
      let fetcher = try JWTSVIDFileFetcher(path: file, audience: Audience(audience))
      return CachedTokenSource(fetches.counting(fetcher))
    default:
      throw problem(
        "source",
        "there has to be exactly one",
        "give one of --token-endpoint, --token-file and --svid-file"
      )
    }
  }

  private func clientCredentials(
    _ endpoint: String
  ) throws(ConfigurationError) -> ClientCredentialsFetcher {
    guard let id = self.clientID, let file = self.clientSecretFile else {
      throw problem(
        "client",
        "is incomplete",
        "give --client-id and --client-secret-file"
      )
    }
    let url: RemoteURL
    do throws(RemoteURL.Problem) {
      url = try RemoteURL(
        endpoint,
        plaintext: self.tokenEndpointPlaintext.map { RemoteURL.Plaintext(because: $0) }
      )
    } catch {
      throw problem(
        "token-endpoint",
        "is no address that secrets may be sent to",
        "write https://host/path; http needs --token-endpoint-plaintext with a reason, and a "
          + "loopback address"
      )
    }
    return ClientCredentialsFetcher(
      at: try TokenEndpoint(url, roots: self.tokenCA.map { .file($0) } ?? .system),
      as: try OAuthClient(
        id: id,
        secret: FileSecretSource(path: file),
        authentication: self.postSecret ? .post : .basic
      ),
      for: try TokenPurpose(
        scopes: self.scope.map { Scope($0) },
        audiences: self.audience.map { Audience($0) }
      )
    )
  }
}

func problem(_ path: String, _ problem: String, _ hint: String) -> ConfigurationError {
  ConfigurationError([.init(path: path, problem: problem, hint: hint)])
}
