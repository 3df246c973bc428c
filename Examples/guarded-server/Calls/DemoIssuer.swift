// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import CryptoExtras
internal import Foundation

/// Makes tokens with the development issuer's key, good ones and the bad ones that attackers try.
struct DemoIssuer {
  let directory: String
  private let key: P256.Signing.PrivateKey
  private let keyID: String
  private let rsaKeyID: String

  /// The claims of a token before it is signed.
  struct Claims {
    let now = Int(Date().timeIntervalSince1970)
    fileprivate var members: [String: Any]

    fileprivate init() {
      self.members = [
        "iss": "https://issuer.tokenward.test",
        "sub": "demo",
        "aud": "tokenward-example",
        "exp": self.now + 120,
        "iat": self.now,
        "jti": UUID().uuidString,
        "client_id": "demo-client",
        "scope": "orders.read",
      ]
    }

    subscript(name: String) -> Any? {
      get { self.members[name] }
      set { self.members[name] = newValue }
    }
  }

  enum Problem: Error { case noKey }

  init(directory: String) throws {
    self.directory = directory
    let pem = try String(contentsOfFile: "\(directory)/issuer-es256.pem", encoding: .utf8)
    self.key = try P256.Signing.PrivateKey(pemRepresentation: pem)
    let jwks = try Data(contentsOf: URL(filePath: "\(directory)/jwks.json"))
    let set = try JSONSerialization.jsonObject(with: jwks) as? [String: Any]
    let keys = set?["keys"] as? [[String: Any]] ?? []
    guard let keyID = keys.first(where: { $0["crv"] as? String == "P-256" })?["kid"] as? String,
      let rsaKeyID = keys.first(where: { $0["kty"] as? String == "RSA" })?["kid"] as? String
    else { throw Problem.noKey }
    self.keyID = keyID
    self.rsaKeyID = rsaKeyID
  }

  func token(_ change: (inout Claims) -> Void = { _ in }) throws -> String {
    let input = try self.signingInput("ES256", change)
    let signature = try self.key.signature(for: Data(input.utf8)).rawRepresentation
    return "\(input).\(Self.base64URL(signature))"
  }

  /// A good token in a file that only its owner can read.
  func writeToken() throws -> String {
    let path = "\(self.directory)/demo-token"
    try? FileManager.default.removeItem(atPath: path)
    let isWritten = FileManager.default.createFile(
      atPath: path,
      contents: Data("\(try self.token())\n".utf8),
      attributes: [.posixPermissions: 0o600]
    )
    guard isWritten else { throw CocoaError(.fileWriteUnknown) }
    return path
  }

  func unsignedToken() throws -> String { "\(try self.signingInput("none")).AA" }

  /// What a verifier that lets the token choose the algorithm would accept: an HMAC whose key is the
  /// issuer's public key.
  func tokenSignedWithPublicKey() throws -> String {
    let pem = try String(contentsOfFile: "\(self.directory)/issuer-rs256.pem", encoding: .utf8)
    let publicKey = try _RSA.Signing.PrivateKey(pemRepresentation: pem).publicKey.pemRepresentation
    let input = try self.signingInput("HS256", keyID: self.rsaKeyID)
    let code = HMAC<SHA256>.authenticationCode(
      for: Data(input.utf8),
      using: SymmetricKey(data: Data(publicKey.utf8))
    )
    return "\(input).\(Self.base64URL(Data(code)))"
  }

  func tamperedToken() throws -> String {
    let signature = try self.token().split(separator: ".").last ?? ""
    return "\(try self.signingInput("ES256") { $0["sub"] = "administrator" }).\(signature)"
  }

  private func signingInput(
    _ algorithm: String,
    keyID: String? = nil,
    _ change: (inout Claims) -> Void = { _ in }
  ) throws -> String {
    var claims = Claims()
    change(&claims)
    let header = ["alg": algorithm, "kid": keyID ?? self.keyID, "typ": "at+jwt"]
    let parts = try [header, claims.members].map { part in
      Self.base64URL(try JSONSerialization.data(withJSONObject: part, options: .sortedKeys))
    }
    return parts.joined(separator: ".")
  }

  private static func base64URL(_ data: Data) -> String {
    data.base64EncodedString()
      .replacingOccurrences(of: "+", with: "-")
      .replacingOccurrences(of: "/", with: "_")
      .replacingOccurrences(of: "=", with: "")
  }
}
