// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore
internal import TokenwardHTTP

/// Asks an issuer about one token (RFC 7662 §2.1). The token is in the body, never in the address.
struct IntrospectionClient: Sendable {
  let endpoint: IntrospectionEndpoint
  let transport: any HTTPTransport

  /// The body of the answer; nil if there is none: the issuer is down, refuses this client, or
  /// answered something else.
  func ask(about token: BearerToken) async -> [UInt8]? {
    guard let authorization = await self.authorization() else { return nil }
    var form = FormText()
    form.add("token", token.bytes)
    form.add("token_type_hint", "access_token")
    let request = HTTPExchange(
      .post,
      self.endpoint.url,
      headers: [
        ("accept", "application/json"), ("authorization", authorization),
        ("content-type", "application/x-www-form-urlencoded"),
      ],
      body: form.bytes
    )
    guard let answer = try? await self.transport.exchange(request), answer.status == 200,
      answer.mediaType == "application/json"
    else { return nil }
    return answer.body
  }

  /// HTTP Basic with the name and the secret in form encoding first (RFC 6749 §2.3.1).
  private func authorization() async -> String? {
    guard let secret = try? await self.endpoint.clientSecret.secret() else { return nil }
    let encoded = secret.withExposedBytes { bytes in
      FormText.encoded(bytes.indices.map { bytes[$0] })
    }
    let pair = FormText.encoded(self.endpoint.clientID.utf8) + [UInt8(ascii: ":")] + encoded
    return "Basic \(PaddedBase64.encode(pair))"
  }
}
