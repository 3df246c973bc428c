// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardCore

/// The examples of RFC 7515, 7517, 7520, 7797 and 8037.
@Suite("RFC examples", .enabled(if: Corpora.isAvailable, Corpora.absence))
struct CorporaJOSETests {
  @Test("the compact examples of RFC 7515 verify with their keys, A.5 (none) does not")
  func compactExamples() throws {
    var tally = CorporaTally("rfc-jose compact")
    let files = try Corpora.files(in: "rfc-jose", withSuffix: ".jwsc")
    for path in files {
      let token = Self.trimmed(try Corpora.data(path))
      let keyPath = path.replacing(".jwsc", with: ".jwk")
      guard let jwk = try? Corpora.object(keyPath) else {
        // RFC 7515 A.5 is unsecured: it has no key.
        let keys = try #require(JOSECompactTests.keys)
        #expect(outcome(bytes: token, keys) == .algorithmForbidden)
        tally.count(path, isValid: false, accepted: outcome(bytes: token, keys) == nil)
        continue
      }
      let keys = try KeySet(jwks: try Corpora.publicHalf(of: jwk), trust: .either)
      tally.count(path, isValid: true, accepted: outcome(bytes: token, keys) == nil)
      var changed = token
      changed[token.count / 2] ^= 1
      #expect(outcome(bytes: changed, keys) != nil)
    }
    #expect(!files.isEmpty)
    tally.report(total: files.count)
  }

  @Test("the JSON serializations of RFC 7515 are refused")
  func jsonSerializations() throws {
    let files =
      try Corpora.files(in: "rfc-jose", withSuffix: ".jwsf")
      + Corpora.files(in: "rfc-jose", withSuffix: ".jwsg")
    var tally = CorporaTally("rfc-jose JSON serialization")
    for path in files {
      let keys = try #require(JOSECompactTests.keys)
      let token = Self.trimmed(try Corpora.data(path))
      tally.count(path, isValid: false, accepted: outcome(bytes: token, keys) == nil)
    }
    #expect(!files.isEmpty)
    tally.report(total: files.count)
  }

  @Test("the keys of RFC 7515 and 7517: the signers' halves are refused, the public ones are not")
  func keys() throws {
    for path in try Corpora.files(in: "rfc-jose", withSuffix: ".jwk") {
      let jwk = try Corpora.object(path)
      let whole = problem(of: Array(try Corpora.data(path)), trust: .either)
      #expect(whole == (jwk["d"] == nil ? nil : .privateMaterial), "\(path)")
      #expect(problem(of: try Corpora.publicHalf(of: jwk), trust: .either) == nil, "\(path)")
    }
    func set(_ name: String) throws -> [UInt8] { Array(try Corpora.data("rfc-jose/\(name)")) }
    let first = try KeySet(jwks: try set("rfc7517_A.1.jwkset"), trust: .publicKeys)
    #expect(first.keyCount == 1)
    #expect(first.skipped.map(\.problem) == [.useForbidden])
    #expect(problem(of: try set("rfc7517_A.2.jwkset"), trust: .publicKeys) == .privateMaterial)
    #expect(problem(of: try set("rfc7515_A.6.jwkset"), trust: .publicKeys) == .privateMaterial)
    #expect(problem(of: try set("rfc7517_A.3.jwkset"), trust: .publicKeys) == .privateMaterial)
    let secrets = try KeySet(jwks: try set("rfc7517_A.3.jwkset"), trust: .localSymmetric)
    #expect(secrets.keyCount == 1)
    #expect(secrets.skipped.map(\.problem) == [.algorithmUnsupported])
  }

  @Test("the signatures of RFC 7520 and 8037 verify in compact form, and only in it")
  func cookbook() throws {
    var tally = CorporaTally("jose-cookbook jws and curve25519")
    var total = 0
    let files =
      try Corpora.files(in: "jose-cookbook/jws", withSuffix: ".json")
      + ["jose-cookbook/curve25519/jws.json"]
    for path in files {
      let example = try Corpora.object(path)
      let input = try #require(example["input"] as? [String: Any])
      let output = try #require(example["output"] as? [String: Any])
      let list = try #require(
        (input["key"] as? [[String: Any]])
          ?? (input["key"] as? [String: Any])
          .map { [$0] }
      )
      let sets = try list.map { try KeySet(jwks: try Corpora.publicHalf(of: $0), trust: .either) }
      if let compact = output["compact"] as? String {
        let accepted = sets.contains { outcome(compact, $0) == nil }
        // A detached payload is not part of what is verified here.
        let isDetached = compact.contains("..")
        tally.count(
          path,
          isValid: true,
          accepted: accepted,
          rule: isDetached ? "detached payload" : nil
        )
        total += 1
      }
      for name in ["json", "json_flat"] {
        guard let json = output[name] else { continue }
        let token = Array(try JSONSerialization.data(withJSONObject: json))
        tally.count(
          path,
          isValid: false,
          accepted: sets.contains { outcome(bytes: token, $0) == nil }
        )
        total += 1
      }
    }
    #expect(total > 0)
    tally.report(total: total)
  }

  @Test("the unencoded payloads of RFC 7797 are refused")
  func unencoded() throws {
    var tally = CorporaTally("jose-cookbook rfc7797")
    var total = 0
    for path in try Corpora.files(in: "jose-cookbook/rfc7797", withSuffix: ".json") {
      let example = try Corpora.object(path)
      let input = try #require(example["input"] as? [String: Any])
      let output = try #require(example["output"] as? [String: Any])
      let key = try #require(input["key"] as? [String: Any])
      let keys = try KeySet(jwks: try Corpora.publicHalf(of: key), trust: .either)
      for value in output.values {
        let token =
          try (value as? String).map { Array($0.utf8) }
          ?? Array(JSONSerialization.data(withJSONObject: value))
        #expect(outcome(bytes: token, keys) == .malformed)
        tally.count(path, isValid: false, accepted: outcome(bytes: token, keys) == nil)
        total += 1
      }
    }
    #expect(total > 0)
    tally.report(total: total)
  }

  @Test("A23: every encrypted object of RFC 7520 is refused")
  func encrypted() throws {
    var tally = CorporaTally("jose-cookbook jwe")
    var total = 0
    for path in try Corpora.files(in: "jose-cookbook/jwe", withSuffix: ".json") {
      let output = try #require(try Corpora.object(path)["output"] as? [String: Any])
      guard let compact = output["compact"] as? String else { continue }
      let keys = try #require(JOSECompactTests.keys)
      tally.count(path, isValid: false, accepted: outcome(compact, keys) == nil)
      total += 1
    }
    #expect(total > 0)
    tally.report(total: total)
  }

  private static func trimmed(_ data: Data) -> [UInt8] {
    Array(data).filter { $0 != 0x0A && $0 != 0x0D }
  }
}
