// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// What can be read in a token without believing any of it.
struct TokenInspection {
  /// What stands above everything that is printed for people.
  static let warning = "NOT VERIFIED: anybody can write this. The signature was not checked."

  private let header: JSONDocument
  private let claims: JSONDocument
  private let signatureLength: Int
  private let notes: [String]

  /// - Parameters:
  ///   - token: the token.
  ///   - now: the time at which dates are judged; nil if it is not known.
  /// - Throws: ``CommandFailure`` if it is no compact JWS with a JSON header and JSON claims. No
  ///   part of the token is in the message.
  init(token: [UInt8], at now: UnixTime?) throws(CommandFailure) {
    guard token.count <= BearerToken.maximumLength else {
      throw CommandFailure("the token is longer than \(BearerToken.maximumLength) bytes")
    }
    let parts = token.split(
      separator: UInt8(ascii: "."),
      maxSplits: 3,
      omittingEmptySubsequences: false
    )
    guard parts.count == 3 else {
      throw CommandFailure(
        "the input is not a JWT: it does not have three parts between dots",
        hint: "give the token alone, without `Bearer` and without quotes"
      )
    }
    self.header = try Self.document(parts[0], name: "header")
    self.claims = try Self.document(parts[1], name: "claims")
    guard let signature = Base64URL.decode(Array(parts[2])) else {
      throw CommandFailure("the signature is not base64url without padding")
    }
    self.signatureLength = signature.count
    self.notes = Self.notes(header: self.header, claims: self.claims, at: now)
  }

  /// - Parameter format: for people or for programs.
  func text(_ format: OutputFormat) -> String {
    switch format {
    case .json:
      var object = JSONObjectText()
      object.add("verified", json: Array("false".utf8))
      object.add("header", json: Array(JSONPrinter.print(self.header, isIndented: false).utf8))
      object.add("claims", json: Array(JSONPrinter.print(self.claims, isIndented: false).utf8))
      object.add("signature_bytes", Int64(self.signatureLength))
      object.add("notes", self.notes)
      return object.text + "\n"
    case .text:
      let notes = self.notes.map { "note: \($0)\n" }.joined()
      return """
        \(Self.warning)

        header (not verified)
        \(JSONPrinter.print(self.header, isIndented: true))

        claims (not verified)
        \(JSONPrinter.print(self.claims, isIndented: true))

        signature: \(self.signatureLength) bytes, not shown
        \(notes)
        """
    }
  }

  private static func document(
    _ part: ArraySlice<UInt8>,
    name: String
  ) throws(CommandFailure) -> JSONDocument {
    guard let bytes = Base64URL.decode(Array(part)) else {
      throw CommandFailure("the \(name) part is not base64url without padding")
    }
    do {
      return try JSONDocument(bytes, limits: .token)
    } catch {
      throw CommandFailure("the \(name) part is not strict JSON (\(error))")
    }
  }

  private static func notes(
    header: JSONDocument,
    claims: JSONDocument,
    at now: UnixTime?
  ) -> [String] {
    var notes: [String] = []
    let algorithm = header.member("alg", of: header.root).flatMap(header.utf8)
    if algorithm.flatMap(Algorithm.init(exactly:)) == nil {
      notes.append("the algorithm is not one that Tokenward accepts")
    }
    for name in ["jwk", "jku", "x5c", "x5u"]
    where header.member(utf8: Array(name.utf8), of: header.root) != nil {
      notes.append("the header brings or points to a key (\(name)); such tokens are refused")
    }
    func date(_ name: StaticString) -> Int64? {
      claims.member(name, of: claims.root).flatMap(claims.numericDate)
    }
    guard let now else { return notes + ["the present time is not known"] }
    if let expiry = date("exp") {
      if now.seconds >= expiry {
        notes.append("expired \(Lifetime.text(seconds: now.seconds - expiry)) ago")
      } else {
        notes.append("expires in \(Lifetime.text(seconds: expiry - now.seconds))")
      }
    } else {
      notes.append("no usable expiry; such tokens are refused")
    }
    if let start = date("nbf"), now.seconds < start {
      notes.append("not valid for another \(Lifetime.text(seconds: start - now.seconds))")
    }
    return notes
  }
}
