// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore
internal import TokenwardHTTP

/// The requests to OpenBao, one function for each. They know nothing of what happened before.
struct OpenBaoRequests: Sendable {
  let transport: any HTTPTransport
  let address: RemoteURL
  let namespace: String?

  /// Logs in at a method.
  /// - Parameter body: JSON with the credentials.
  func login(mount: String, body: [UInt8]) async throws(OpenBaoFailure) -> Lease {
    let answer = try await self.send(.post, "auth/\(mount)/login", token: nil, body: body)
    // 400 says that the credentials are wrong, if it is OpenBao that says so and not something on the
    // way to it. A role that is locked answers 403.
    if answer.status == 400, Self.hasErrors(answer) { throw .loginRefused }
    return try Lease(login: Self.document(in: answer))
  }

  /// Prolongs a token.
  func renew(_ token: HeldSecret) async throws(OpenBaoFailure) -> Lease {
    let answer = try await self.send(.post, "auth/token/renew-self", token: token)
    // 400 says that it cannot be prolonged.
    if answer.status == 400 { throw .denied }
    let lease = try Lease(login: Self.document(in: answer))
    guard lease.token.hasSameBytes(as: token) else { throw .unusableAnswer }
    return lease
  }

  /// How long a process that stops waits for the end of its token.
  static let revocationTime: Duration = .seconds(2)

  /// Ends a token. Nobody needs to know whether that worked.
  func revoke(_ token: HeldSecret) async {
    let deadline = ContinuousClock.now + Self.revocationTime
    _ = try? await self.send(.post, "auth/token/revoke-self", token: token, deadline: deadline)
  }

  /// What is known of a token that somebody else fetched.
  func lookUp(_ token: HeldSecret) async throws(OpenBaoFailure) -> Lease {
    let answer = try await self.send(.get, "auth/token/lookup-self", token: token)
    return try Lease(lookup: Self.document(in: answer), token: token)
  }

  /// Takes the secret_id out of its wrapping. What was wrapped is looked at first, without opening
  /// it: whoever opened the wrapping that OpenBao had made and wrapped the content again cannot make
  /// OpenBao say that it came from the login method.
  func unwrapSecretID(
    _ wrapping: HeldSecret,
    mount: String
  ) async throws(OpenBaoFailure) -> HeldSecret {
    var body = Array(#"{"token":"#.utf8)
    wrapping.append(to: &body)
    body.append(UInt8(ascii: "}"))
    let looked = try await self.send(.post, "sys/wrapping/lookup", token: nil, body: body)
    if looked.status == 400 { throw .wrappedTokenReused }
    guard try Self.creationPath(in: Self.document(in: looked), isSecretIDOf: mount) else {
      throw .wrappedTokenForeign
    }
    let opened = try await self.send(.post, "sys/wrapping/unwrap", token: wrapping)
    if opened.status == 400 { throw .wrappedTokenReused }
    return try Self.secretID(in: Self.document(in: opened))
  }

  /// Reads one field of a secret.
  func read(_ field: KVField, token: HeldSecret) async throws(OpenBaoFailure) -> SecretBytes {
    let answer = try await self.send(.get, field.target, token: token)
    return try field.value(in: answer)
  }

  /// The document in an answer of status 200.
  static func document(in answer: HTTPAnswer) throws(OpenBaoFailure) -> JSONDocument {
    if let failure = OpenBaoFailure(status: answer.status) { throw failure }
    return try Self.json(in: answer)
  }

  /// The document in an answer of any status.
  static func json(in answer: HTTPAnswer) throws(OpenBaoFailure) -> JSONDocument {
    guard answer.mediaType?.hasSameBytes(as: "application/json") == true,
      let document = try? JSONDocument(answer.body, limits: .openBao),
      document.kind(of: document.root) == .object
    else { throw .unusableAnswer }
    return document
  }

  /// Whether it has the form in which OpenBao refuses. The texts in it are not looked at.
  static func hasErrors(_ answer: HTTPAnswer) -> Bool {
    guard let document = try? Self.json(in: answer),
      let errors = document.member("errors", of: document.root)
    else { return false }
    return document.kind(of: errors) == .array
  }

  func send(
    _ method: HTTPExchange.Method,
    _ target: String,
    token: HeldSecret?,
    body: [UInt8] = Array("{}".utf8),
    deadline: ContinuousClock.Instant? = nil
  ) async throws(OpenBaoFailure) -> HTTPAnswer {
    // Every part of the target has passed its grammar; this cannot fail.
    guard let url = try? self.address.replacing(path: "/v1/\(target)") else {
      throw .unusableAnswer
    }
    // Tells OpenBao that no browser was tricked into this (its listener may insist on it).
    var headers = [(name: "X-Vault-Request", value: "true")]
    if let token { headers.append((name: "X-Vault-Token", value: token.exposedHeaderValue)) }
    if let namespace { headers.append((name: "X-Vault-Namespace", value: namespace)) }
    if method == .post { headers.append((name: "Content-Type", value: "application/json")) }
    do throws(HTTPFailure) {
      return try await self.transport.exchange(
        HTTPExchange(
          method,
          url,
          headers: headers,
          body: method == .post ? body : [],
          deadline: deadline
        )
      )
    } catch {
      throw OpenBaoFailure(error)
    }
  }
}

extension JSONLimits {
  /// An answer of OpenBao: a secret may have many fields.
  static let openBao = JSONLimits(bytes: HTTPSClient.maximumBody, depth: 32, nodes: 16_384)
}
