// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// How a client of the OAuth endpoints says who it is (RFC 6749 §2.3.1): `client_id` is the id of an
/// API token and `client_secret` the whole text of it.
enum ClientCredentials: Sendable {
  /// It does not.
  case none
  /// It names itself and proves nothing.
  case named(String)
  /// It presents an API token.
  case presented(BearerToken, inHeader: Bool)

  /// Why no credentials could be read.
  enum Problem: Error, Hashable {
    /// Two methods at once, or one twice (RFC 6749 §2.3).
    case ambiguous
    /// Not readable, or not those of one token.
    case refused(inHeader: Bool)
  }

  /// - Parameters:
  ///   - authorization: every `authorization` header.
  ///   - form: the parameters of the request.
  init(authorization: [String], form: FormBody) throws(Problem) {
    guard authorization.count <= 1 else { throw .ambiguous }
    // A method that nobody has implemented must not be passed over (RFC 7523 §2.2).
    guard !form.contains("client_assertion"), !form.contains("client_assertion_type") else {
      throw .refused(inHeader: false)
    }
    let clientID = form.value("client_id")
    let clientSecret = form.value("client_secret")
    if let header = authorization.first {
      guard clientSecret == nil else { throw .ambiguous }
      guard let (id, secret) = Self.basic(header) else { throw .refused(inHeader: true) }
      if let clientID, !clientID.hasSameBytes(as: id) { throw .ambiguous }
      self = .presented(try Self.token(secret, of: id, inHeader: true), inHeader: true)
    } else if let clientSecret {
      guard let clientID else { throw .refused(inHeader: false) }
      self = .presented(
        try Self.token(clientSecret, of: clientID, inHeader: false),
        inHeader: false
      )
    } else if let clientID {
      self = .named(clientID)
    } else {
      self = .none
    }
  }

  /// Whether a name is the id of a token. Both are what the client itself has sent.
  static func isID(_ id: String, of token: String) -> Bool {
    id.utf8.count == APITokenFormat.idLength
      && token.utf8.starts(with: "\(APITokenFormat.prefix)\(id)_".utf8)
  }

  private static func token(
    _ secret: String,
    of id: String,
    inHeader: Bool
  ) throws(Problem) -> BearerToken {
    guard Self.isID(id, of: secret) else { throw .refused(inHeader: inHeader) }
    return BearerToken(secret)
  }

  /// Both halves of `Basic` credentials, each form-encoded before they were joined (RFC 6749 §2.3.1,
  /// RFC 7617 §2).
  private static func basic(_ header: String) -> (id: String, secret: String)? {
    let bytes = header.utf8.span
    guard bytes.count > 6, bytes.count <= 4_096, bytes[5] == UInt8(ascii: " "),
      String(decoding: header.utf8.prefix(5), as: UTF8.self).equalsASCIICaseInsensitively("basic"),
      let pair = PaddedBase64Text.decode(bytes.extracting(6 ..< bytes.count))
    else { return nil }
    let text = pair.span
    var colon = 0
    while colon < text.count, text[colon] != UInt8(ascii: ":") { colon += 1 }
    guard colon > 0, colon + 1 < text.count,
      let id = FormBody.decoded(text.extracting(0 ..< colon)),
      let secret = FormBody.decoded(text.extracting(colon + 1 ..< text.count))
    else { return nil }
    return (id, secret)
  }
}

extension ClientCredentials: CustomStringConvertible, CustomReflectable {
  /// Which method, and nothing of what was presented.
  var description: String {
    switch self {
    case .none: "<no client>"
    case .named: "<a named client>"
    case .presented: "<a client with a secret>"
    }
  }
  var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Base64 with padding (RFC 4648 §4), with exactly one text for every value.
enum PaddedBase64Text {
  static func decode(_ text: Span<UInt8>) -> [UInt8]? {
    guard text.count >= 4, text.count % 4 == 0 else { return nil }
    var end = text.count
    while end > text.count - 2, text[end - 1] == UInt8(ascii: "=") { end -= 1 }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(end)
    for index in 0 ..< end {
      switch text[index] {
      case UInt8(ascii: "+"): bytes.append(UInt8(ascii: "-"))
      case UInt8(ascii: "/"): bytes.append(UInt8(ascii: "_"))
      // They belong to the other alphabet: a second spelling of the same credentials.
      case UInt8(ascii: "-"), UInt8(ascii: "_"): return nil
      case let byte: bytes.append(byte)
      }
    }
    return Base64URL.decode(bytes)
  }
}
