// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardCore

/// Project Wycheproof at the level of the primitive, with keys that our JWK reader loaded.
@Suite("Wycheproof", .enabled(if: Corpora.isAvailable, Corpora.absence))
struct CorporaWycheproofTests {
  private struct File: Decodable {
    let numberOfTests: Int
    let testGroups: [Group]
  }

  private struct Group: Decodable {
    let publicKeyJwk: [String: String]?
    let publicKey: PublicKey?
    let keySize: Int?
    let tagSize: Int?
    let tests: [Vector]
  }

  private struct PublicKey: Decodable {
    let modulus: String?
    let publicExponent: String?
    let pk: String?
    let uncompressed: String?
    let curve: String?
  }

  private struct Vector: Decodable {
    let tcId: Int
    let msg: String
    let sig: String?
    let tag: String?
    let key: String?
    let result: String
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let file: String
    let algorithm: Algorithm
    var testDescription: String { self.file }
  }

  @Test(
    "every signature gets the answer of its label",
    arguments: [
      Row(file: "ecdsa_secp256r1_sha256_p1363_test", algorithm: .es256),
      Row(file: "ecdsa_secp384r1_sha384_p1363_test", algorithm: .es384),
      Row(file: "ecdsa_secp521r1_sha512_p1363_test", algorithm: .es512),
      Row(file: "ed25519_test", algorithm: .eddsa),
      Row(file: "rsa_signature_2048_sha256_test", algorithm: .rs256),
      Row(file: "rsa_pss_2048_sha256_mgf1_32_test", algorithm: .ps256),
    ]
  )
  func signatures(row: Row) throws {
    let file = try Corpora.decode(File.self, "wycheproof/\(row.file).json")
    var tally = CorporaTally(row.file)
    var acceptable = 0
    var keyRefused = 0
    for group in file.testGroups {
      let jwk = try #require(Self.jwk(of: group))
      let key = Corpora.key(jwk, row.algorithm)
      if key == nil { keyRefused += 1 }
      for vector in group.tests {
        let accepted =
          key?.isValidSignature(
            bytes(hex: vector.sig ?? ""),
            for: bytes(hex: vector.msg).span,
            algorithm: row.algorithm
          ) ?? false
        // "acceptable" marks what a lenient verifier may take, such as a DigestInfo without NULL.
        // RFC 8017 §9.2 leaves no room, so it counts as invalid.
        if vector.result == "acceptable" { acceptable += 1 }
        tally.count(
          "\(vector.tcId)",
          isValid: vector.result == "valid",
          accepted: accepted,
          rule: key == nil ? "key refused" : nil
        )
      }
    }
    print("corpora: \(row.file): \(keyRefused) keys refused, \(acceptable) vectors \"acceptable\"")
    #expect(keyRefused == 0)
    tally.report(total: file.numberOfTests)
  }

  @Test("every MAC gets the answer of its label, short keys and tags excepted")
  func macs() throws {
    let file = try Corpora.decode(File.self, "wycheproof/hmac_sha256_test.json")
    var tally = CorporaTally("hmac_sha256_test")
    for group in file.testGroups {
      for vector in group.tests {
        let secret = bytes(hex: vector.key ?? "")
        let key = Corpora.key(TestJWK.oct(secret).bytes, .hs256)
        #expect((key != nil) == (secret.count >= 32))
        let accepted =
          key?.isValidSignature(
            bytes(hex: vector.tag ?? ""),
            for: bytes(hex: vector.msg).span,
            algorithm: .hs256
          )
          ?? false
        var rule: String?
        if secret.count < 32 {
          rule = "key shorter than the hash"
        } else if group.tagSize != 256 {
          rule = "truncated tag"
        }
        tally.count(
          "\(vector.tcId)",
          isValid: vector.result == "valid",
          accepted: accepted,
          rule: rule
        )
      }
    }
    tally.report(total: file.numberOfTests)
  }

  private struct JWKFile: Decodable {
    let numberOfTests: Int
    let testGroups: [JWKGroup]
  }

  private struct JWKGroup: Decodable {
    let comment: String
    let `private`: KeyList
    let `public`: KeyList?
    let tests: [JWSVector]
  }

  private struct KeyList: Codable { let keys: [[String: String]] }

  private struct JWSVector: Decodable {
    let tcId: Int
    let jws: String
    let result: String
  }

  @Test("every key set gets the answer of its label")
  func keySets() throws {
    let file = try Corpora.decode(JWKFile.self, "wycheproof/json_web_key_test.json")
    var tally = CorporaTally("json_web_key_test")
    for group in file.testGroups {
      let document = try JSONEncoder().encode(group.public ?? group.private)
      let result = Result<KeySet, KeySetProblem> { () throws(KeySetProblem) in
        try KeySet(jwks: Array(document), trust: .either)
      }
      for vector in group.tests {
        let accepted = (try? result.get()).map { outcome(vector.jws, $0) == nil } ?? false
        print("corpora: json_web_key_test \(vector.tcId) \(group.comment): \(result)")
        tally.count("\(vector.tcId)", isValid: vector.result == "valid", accepted: accepted)
        // The label traps of the corpora's README: the set itself must be refused, or the key.
        switch vector.tcId {
        case 1: #expect(result.failure == .mixedKeyTypes)
        case 4: #expect(result.failure == .duplicateKeyID)
        case 7: #expect(result.failure?.firstProblem == .modulusROCA)
        case 8: #expect(result.failure?.firstProblem == .modulusTooSmall)
        case 9: #expect(result.failure?.firstProblem == .exponentForbidden)
        default: break
        }
      }
    }
    tally.report(total: file.numberOfTests)
  }

  /// The key of a group as a JWK; some groups give it only in parts.
  private static func jwk(of group: Group) -> [UInt8]? {
    if let jwk = group.publicKeyJwk { return (try? JSONEncoder().encode(jwk)).map(Array.init) }
    guard let key = group.publicKey else { return nil }
    if let n = key.modulus, let e = key.publicExponent {
      // The numbers are signed in the files, so a leading zero is not part of them.
      func number(_ hex: String) -> [UInt8] { Array(bytes(hex: hex).drop { $0 == 0 }) }
      return TestJWK.rsa(n: number(n), e: number(e)).bytes
    }
    if let pk = key.pk { return TestJWK.okp(bytes(hex: pk)).bytes }
    let curves = ["secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"]
    guard let point = key.uncompressed, let curve = key.curve.flatMap({ curves[$0] }) else {
      return nil
    }
    return TestJWK.point(curve, Array(bytes(hex: point).dropFirst())).bytes
  }
}

extension Result where Failure == KeySetProblem {
  fileprivate var failure: KeySetProblem? {
    guard case .failure(let problem) = self else { return nil }
    return problem
  }
}

extension KeySetProblem {
  fileprivate var firstProblem: KeyProblem? {
    guard case .noUsableKeys(let skipped) = self else { return nil }
    return skipped.first?.problem
  }
}
