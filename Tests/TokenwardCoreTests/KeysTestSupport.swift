// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Crypto
import CryptoExtras
import Foundation
import Testing
import TokenwardCore

/// Private keys of the tests, made once.
enum TestKeys {
  static let p256 = P256.Signing.PrivateKey()
  static let p384 = P384.Signing.PrivateKey()
  static let p521 = P521.Signing.PrivateKey()
  static let ed25519 = Curve25519.Signing.PrivateKey()
  static let rsa = makeRSA()
  static let secret = (1 ... 64).map { UInt8($0) }

  private static func makeRSA() -> _RSA.Signing.PrivateKey {
    guard let key = try? _RSA.Signing.PrivateKey(keySize: .bits2048) else {
      fatalError("no RSA key")
    }
    return key
  }

  static var rsaNumbers: (n: [UInt8], e: [UInt8]) {
    guard let numbers = try? rsa.publicKey.getKeyPrimitives() else { return ([], []) }
    return (Array(numbers.modulus), Array(numbers.publicExponent))
  }
}

/// A JWK under construction: members in order, values as JSON text.
struct TestJWK {
  var members: [(String, String)]

  init(_ members: [(String, String)]) { self.members = members }

  static var p256: TestJWK { .point("P-256", Array(TestKeys.p256.publicKey.rawRepresentation)) }
  static var p384: TestJWK { .point("P-384", Array(TestKeys.p384.publicKey.rawRepresentation)) }
  static var p521: TestJWK { .point("P-521", Array(TestKeys.p521.publicKey.rawRepresentation)) }
  static var ed25519: TestJWK { .okp(Array(TestKeys.ed25519.publicKey.rawRepresentation)) }
  static var rsa: TestJWK { .rsa(n: TestKeys.rsaNumbers.n, e: TestKeys.rsaNumbers.e) }
  static var secret: TestJWK { .oct(TestKeys.secret) }

  static func point(_ curve: String, _ raw: [UInt8]) -> TestJWK {
    let half = raw.count / 2
    return TestJWK([
      ("kty", "\"EC\""), ("crv", "\"\(curve)\""), ("x", quoted(Array(raw[..<half]))),
      ("y", quoted(Array(raw[half...]))),
    ])
  }

  static func okp(_ x: [UInt8]) -> TestJWK {
    TestJWK([("kty", "\"OKP\""), ("crv", "\"Ed25519\""), ("x", quoted(x))])
  }

  static func rsa(n: [UInt8], e: [UInt8]) -> TestJWK {
    TestJWK([("kty", "\"RSA\""), ("n", quoted(n)), ("e", quoted(e))])
  }

  static func oct(_ k: [UInt8]) -> TestJWK { TestJWK([("kty", "\"oct\""), ("k", quoted(k))]) }

  static func quoted(_ bytes: [UInt8]) -> String { "\"\(Base64URL.encode(bytes))\"" }

  /// The same key with one member set; the value is JSON text.
  func with(_ name: String, _ json: String) -> TestJWK {
    var copy = self.without(name)
    copy.members.append((name, json))
    return copy
  }

  func without(_ name: String) -> TestJWK {
    TestJWK(self.members.filter { $0.0 != name })
  }

  func named(_ kid: String) -> TestJWK { self.with("kid", "\"\(kid)\"") }

  var json: String {
    "{" + self.members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
  }

  var bytes: [UInt8] { Array(self.json.utf8) }

  /// What is wrong with this key; nil if it can be used.
  var problem: KeyProblem? {
    do throws(KeySetProblem) {
      _ = try KeySet(jwk: self.bytes, trust: .either)
      return nil
    } catch {
      guard case .noUsableKeys(let skipped) = error, let problem = skipped.first?.problem else {
        Issue.record("the set itself is refused: \(error)")
        return .malformed
      }
      return problem
    }
  }
}

func jwks(_ keys: TestJWK...) -> [UInt8] { jwks(keys) }

func jwks(_ keys: [TestJWK]) -> [UInt8] {
  Array("{\"keys\":[\(keys.map(\.json).joined(separator: ","))]}".utf8)
}

/// Why the set is refused; nil if it is accepted.
func problem(of document: [UInt8], trust: KeySet.Trust) -> KeySetProblem? {
  do throws(KeySetProblem) {
    _ = try KeySet(jwks: document, trust: trust)
    return nil
  } catch {
    return error
  }
}

/// Builds compact serializations, right and wrong ones.
enum TestJWS {
  /// Signs with the test key that the algorithm belongs to.
  static func make(
    _ algorithm: Algorithm,
    header: String? = nil,
    payload: String = #"{"sub":"a"}"#
  ) -> String {
    make(header ?? "{\"alg\":\"\(algorithm.rawValue)\"}", payload) { sign($0, algorithm) }
  }

  static func make(_ header: String, _ payload: String, sign: ([UInt8]) -> [UInt8]) -> String {
    let input = Base64URL.encode(Array(header.utf8)) + "." + Base64URL.encode(Array(payload.utf8))
    return input + "." + Base64URL.encode(sign(Array(input.utf8)))
  }

  static func sign(_ input: [UInt8], _ algorithm: Algorithm) -> [UInt8] {
    let key = SymmetricKey(data: TestKeys.secret)
    do {
      switch algorithm {
      case .rs256: return try rsa(SHA256.hash(data: input), .insecurePKCS1v1_5)
      case .rs384: return try rsa(SHA384.hash(data: input), .insecurePKCS1v1_5)
      case .rs512: return try rsa(SHA512.hash(data: input), .insecurePKCS1v1_5)
      case .ps256: return try rsa(SHA256.hash(data: input), .PSS)
      case .ps384: return try rsa(SHA384.hash(data: input), .PSS)
      case .ps512: return try rsa(SHA512.hash(data: input), .PSS)
      case .es256: return Array(try TestKeys.p256.signature(for: input).rawRepresentation)
      case .es384: return Array(try TestKeys.p384.signature(for: input).rawRepresentation)
      case .es512: return Array(try TestKeys.p521.signature(for: input).rawRepresentation)
      case .eddsa, .ed25519: return Array(try TestKeys.ed25519.signature(for: input))
      case .hs256: return Array(HMAC<SHA256>.authenticationCode(for: input, using: key))
      case .hs384: return Array(HMAC<SHA384>.authenticationCode(for: input, using: key))
      case .hs512: return Array(HMAC<SHA512>.authenticationCode(for: input, using: key))
      }
    } catch {
      return []
    }
  }

  private static func rsa(
    _ digest: some Digest,
    _ padding: _RSA.Signing.Padding
  ) throws -> [UInt8] {
    Array(try TestKeys.rsa.signature(for: digest, padding: padding).rawRepresentation)
  }
}

/// What became of a token, as a value that tables can compare.
func outcome(
  _ token: String,
  _ keys: KeySet,
  algorithms: AlgorithmSet? = nil
) -> JWSProblem? {
  outcome(bytes: Array(token.utf8), keys, algorithms: algorithms)
}

func outcome(
  bytes token: [UInt8],
  _ keys: KeySet,
  algorithms: AlgorithmSet? = nil
) -> JWSProblem? {
  do throws(JWSProblem) {
    _ = try VerifiedJWS(token: token, keys: keys, algorithms: algorithms)
    return nil
  } catch {
    return error
  }
}
