// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore
internal import TokenwardHTTP

/// The answer of a token endpoint (RFC 6749 §5, RFC 8693 §2.2), read strictly. Nothing of its text
/// is ever in an error: it may quote the secret or the token.
enum TokenResponse {
  /// How long a token is used whose end nobody states (RFC 6749 §5.1 leaves `expires_in` out for a
  /// life that is documented elsewhere): short enough for any server that does so.
  static let unstatedLife: Int64 = 300
  /// Ten years. A longer life is a mistake, or milliseconds.
  static let longestLife: Int64 = 315_360_000

  private static let limits = JSONLimits(
    bytes: 65_536,
    depth: 16,
    membersPerObject: 64,
    nodes: 1_024
  )

  /// - Parameters:
  ///   - asked: when the request was sent: the life counts from the issue, which was after that.
  ///   - issuedType: what `issued_token_type` has to be; nil if the answer needs none.
  static func token(
    in answer: HTTPAnswer,
    asked: UnixTime,
    issuedType: TokenTypeURI? = nil,
    needsIssuedType: Bool = false
  ) throws(TokenSourceError) -> IssuedToken {
    guard answer.status == 200 else { throw self.error(in: answer) }
    guard answer.mediaType?.hasSameBytes(as: "application/json") == true,
      let document = try? JSONDocument(answer.body, limits: self.limits),
      document.kind(of: document.root) == .object
    else { throw .unreadableAnswer }
    let root = document.root
    guard let type = document.member("token_type", of: root).flatMap(document.string),
      type.equalsASCIICaseInsensitively("bearer")
    else {
      throw TokenSourceError(
        .unusable,
        problem: "the token endpoint gave a token that is no bearer token",
        hint: "register the client for bearer tokens; DPoP and MAC tokens need a proof that this "
          + "client does not make"
      )
    }
    if needsIssuedType {
      guard let node = document.member("issued_token_type", of: root) else { throw .wrongTokenType }
      let accepted = issuedType.map { [$0] } ?? [.accessToken, .jwt]
      guard accepted.contains(where: { document.equals(node, utf8: Array($0.text.utf8)) }) else {
        throw .wrongTokenType
      }
    }
    guard let bytes = document.member("access_token", of: root).flatMap(document.utf8) else {
      throw .unreadableAnswer
    }
    let token = BearerToken(bytes: bytes)
    try TokenSourceError.check(token)
    return IssuedToken(token, expiresAt: try self.expiry(of: token, document, asked: asked))
  }

  /// The earliest of what the answer and the token say.
  private static func expiry(
    of token: BearerToken,
    _ document: JSONDocument,
    asked: UnixTime
  ) throws(TokenSourceError) -> UnixTime {
    let own = UnverifiedClaims(token)?.expiry(at: asked)
    guard let node = document.member("expires_in", of: document.root) else {
      return own ?? asked.adding(seconds: self.unstatedLife)
    }
    guard let seconds = document.numericDate(node), (1 ... self.longestLife).contains(seconds)
    else {
      throw TokenSourceError(
        .unusable,
        problem: "the token endpoint gave a life that is no number of seconds from 1 to "
          + "\(self.longestLife)",
        hint: "expires_in is a number, not a text, and counts seconds (RFC 6749 §5.1)"
      )
    }
    let stated = asked.adding(seconds: seconds)
    return own.map { min($0, stated) } ?? stated
  }

  private static func error(in answer: HTTPAnswer) -> TokenSourceError {
    switch answer.status {
    case 408, 425, 429, 500 ... 599:
      return TokenSourceError(
        problem: "the token endpoint answered with status \(answer.status)",
        hint: "it is overloaded or broken; calls work again when it does"
      )
    case 300 ... 399:
      return TokenSourceError(
        .unusable,
        problem: "the token endpoint sends its clients elsewhere (status \(answer.status))",
        hint: "secrets do not follow redirects: configure the address that it leads to"
      )
    case 400 ... 499:
      return self.refusal(in: answer)
    default:
      return .unreadableAnswer
    }
  }

  /// The error codes of RFC 6749 §5.2 and RFC 8693 §2.2.2; any other one counts as none.
  private static let hints: [(code: StaticString, hint: String)] = [
    (
      "invalid_client",
      "compare the client id and its secret with the registration, and whether it is to send them "
        + "as Basic or in the form"
    ),
    (
      "invalid_grant",
      "the token or grant that was presented is expired, revoked or not this client's"
    ),
    ("unauthorized_client", "register the client for this grant type"),
    ("invalid_scope", "ask for scopes that the client is registered for"),
    ("unsupported_grant_type", "the server does not offer this grant; use another source"),
    (
      "invalid_target", "the server does not know this audience or resource, or not for this client"
    ),
    ("invalid_request", "the server does not understand the request; look at its log"),
  ]

  private static func refusal(in answer: HTTPAnswer) -> TokenSourceError {
    if answer.mediaType?.hasSameBytes(as: "application/json") == true,
      let document = try? JSONDocument(answer.body, limits: self.limits),
      let node = document.member("error", of: document.root),
      let known = self.hints.first(where: { document.equals(node, $0.code) })
    {
      return TokenSourceError(
        .unusable,
        problem: "the token endpoint refuses: \(known.code)",
        hint: known.hint
      )
    }
    return TokenSourceError(
      .unusable,
      problem: "the token endpoint refuses with status \(answer.status)",
      hint: "see that the address is that of the token endpoint, and look at the server's log"
    )
  }
}

extension TokenSourceError {
  static let unreadableAnswer = TokenSourceError(
    .unusable,
    problem: "the answer of the token endpoint is no token response",
    hint: "see that the address is that of the token endpoint (RFC 6749 §3.2): it answers with "
      + "status 200, application/json and an access_token"
  )

  static let wrongTokenType = TokenSourceError(
    .unusable,
    problem: "the token endpoint issued a token of another type than asked for",
    hint: "ask for urn:ietf:params:oauth:token-type:access_token or :jwt (RFC 8693 §3)"
  )

  /// Why nothing was answered.
  init(_ failure: HTTPFailure) {
    switch failure {
    case .tooLarge, .malformed:
      self = .unreadableAnswer
    case .tlsFailed, .rootsUnusable:
      self.init(
        problem: "the token endpoint cannot be trusted: \(failure.rawValue)",
        hint: "compare its certificate with the CA file: authority, host name and dates"
      )
    case .deadlineExceeded, .connectionFailed, .cancelled:
      self.init(
        problem: "the token endpoint cannot be reached: \(failure.rawValue)",
        hint: "see that it runs and that nothing between here and there blocks it"
      )
    }
  }

  /// Why there is no secret to ask with.
  init(_ error: SecretError) {
    self.init(
      error.kind == .unavailable ? .unavailable : .unusable,
      problem: error.problem,
      hint: error.hint
    )
  }
}
