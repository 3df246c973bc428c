// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Hummingbird
internal import TokenwardCore

/// What a client of the OAuth endpoints is told (RFC 6749 §5.2): a code and a constant sentence. No
/// byte of the request is in it, and it is the same for a token that never was, one that was taken
/// back and one that has expired (catalogue L03).
struct OAuthFailure: Error, Hashable {
  var status: HTTPResponse.Status
  var code: String
  var sentence: String
  var challenge: String?
  var retryAfter: Int?

  private init(_ status: HTTPResponse.Status, _ code: String, _ sentence: String) {
    self.status = status
    self.code = code
    self.sentence = sentence
  }

  static let malformed = Self(.badRequest, "invalid_request", "the request is malformed")
  static let repeated = Self(.badRequest, "invalid_request", "a parameter is there twice")
  static let tooLarge = Self(.contentTooLarge, "invalid_request", "the request is too large")
  static let query = Self(
    .badRequest,
    "invalid_request",
    "parameters belong into the body, never into the address"
  )
  static let mediaType = Self(
    .badRequest,
    "invalid_request",
    "the body must be application/x-www-form-urlencoded"
  )
  static let missing = Self(.badRequest, "invalid_request", "a parameter is missing")
  static let unsupported = Self(.badRequest, "invalid_request", "a parameter is not supported")
  static let ambiguousClient = Self(
    .badRequest,
    "invalid_request",
    "the client must authenticate in one way, once"
  )
  static let subjectToken = Self(
    .badRequest,
    "invalid_request",
    "the subject token is not accepted"
  )
  static let grantType = Self(
    .badRequest,
    "unsupported_grant_type",
    "token exchange and client credentials are supported"
  )
  static let scope = Self(.badRequest, "invalid_scope", "a scope is not granted")
  static let target = Self(.badRequest, "invalid_target", "an audience is not granted")
  static let forbidden = Self(.forbidden, "insufficient_scope", "permission denied")
  static let unavailable = Self(
    .serviceUnavailable,
    "temporarily_unavailable",
    "the authority cannot be used now; try again"
  ).retry(after: 1)
  static let internalError = Self(.internalServerError, "server_error", "internal error")

  /// Too many tokens that do not count came from this address, or one token too often.
  static let tooManyRequests = Self.denial(DenialReason.rateLimited.response, inHeader: false)

  /// A client that is not accepted. It is challenged in the way in which it has tried (RFC 6749 §5.2).
  static func client(inHeader: Bool) -> Self {
    var failure = Self(.unauthorized, "invalid_client", "the client is not accepted")
    failure.challenge = inHeader ? "Basic realm=\"tokenward\"" : nil
    return failure
  }

  /// A denial of the guard, in the words of this protocol.
  static func denial(_ response: DenialResponse, inHeader: Bool) -> Self {
    switch response.httpStatus {
    case 401 where !inHeader:
      var failure = Self(.unauthorized, "invalid_token", response.message)
      failure.challenge = response.wwwAuthenticate
      return failure
    case 401: return .client(inHeader: true)
    case 403:
      var failure = Self.forbidden
      failure.challenge = response.wwwAuthenticate
      return failure
    case 429:
      return Self(.tooManyRequests, "slow_down", response.message)
        .retry(after: response.retryAfterSeconds)
    case 503: return .unavailable.retry(after: response.retryAfterSeconds)
    case 400: return .malformed
    default: return .internalError
    }
  }

  private func retry(after seconds: Int?) -> Self {
    var failure = self
    failure.retryAfter = seconds ?? failure.retryAfter
    return failure
  }

  var response: Response {
    var text = JSONObjectText()
    text.add("error", self.code)
    text.add("error_description", self.sentence)
    var response = Response.uncached(text.finished(), status: self.status)
    if let challenge { response.headers[.wwwAuthenticate] = challenge }
    if let retryAfter { response.headers[.retryAfter] = "\(retryAfter)" }
    return response
  }
}

extension Response {
  /// An answer in JSON that nobody may keep (RFC 6749 §5.1).
  static func uncached(_ body: [UInt8], status: HTTPResponse.Status = .ok) -> Response {
    var response = Response(
      status: status,
      headers: [.contentType: "application/json", .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: body))
    )
    response.headers[.xContentTypeOptions] = "nosniff"
    // For caches of the last century, which RFC 6749 §5.1 still has in mind.
    if let pragma = HTTPFields.Key("pragma") { response.headers[pragma] = "no-cache" }
    return response
  }
}
