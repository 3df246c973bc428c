// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardCore

/// Public test vectors. They are not part of the project; `TOKENWARD_CORPORA` names their folder.
enum Corpora {
  static let folder = ProcessInfo.processInfo.environment["TOKENWARD_CORPORA"]
  static let isAvailable = folder != nil
  static let absence: Comment = "TOKENWARD_CORPORA is not set; see CONTRIBUTING.md for the vectors"

  static func data(_ path: String) throws -> Data {
    let folder = try #require(self.folder)
    return try Data(contentsOf: URL(filePath: folder).appending(path: path))
  }

  static func decode<Value: Decodable>(_ type: Value.Type, _ path: String) throws -> Value {
    try JSONDecoder().decode(type, from: try self.data(path))
  }

  /// A JSON object, for documents whose shape differs from file to file.
  static func object(_ path: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: try self.data(path)) as? [String: Any])
  }

  static func files(in path: String, withSuffix suffix: String) throws -> [String] {
    let folder = try #require(self.folder)
    return try FileManager.default.contentsOfDirectory(atPath: folder + "/" + path)
      .filter { $0.hasSuffix(suffix) }.sorted().map { path + "/" + $0 }
  }

  /// The key without its private members, as a published set would have it. The corpora give the
  /// signers' keys, which a verifier refuses.
  static func publicHalf(of key: [String: Any]) throws -> [UInt8] {
    let hidden = ["d", "p", "q", "dp", "dq", "qi", "oth"]
    return Array(
      try JSONSerialization.data(withJSONObject: key.filter { !hidden.contains($0.key) })
    )
  }

  /// A key from one JWK.
  static func key(_ jwk: [UInt8], _ algorithm: Algorithm) -> VerificationKey? {
    try? KeySet(jwk: jwk, trust: .either).key(for: nil, algorithm: algorithm)
  }
}

/// What became of the vectors of one file. Every vector is in exactly one count.
struct CorporaTally {
  let name: String
  var acceptedValid = 0
  var refusedInvalid = 0
  /// Labelled valid, refused by a rule of ours; by rule.
  var refusedByRule: [String: Int] = [:]
  /// The vectors that went wrong.
  var wrong: [String] = []

  init(_ name: String) { self.name = name }

  /// - Parameter rule: why a vector labelled valid must be refused here, if it must.
  mutating func count(_ id: String, isValid: Bool, accepted: Bool, rule: String? = nil) {
    switch (isValid, accepted) {
    case (true, true) where rule == nil: self.acceptedValid += 1
    case (false, false): self.refusedInvalid += 1
    case (true, false):
      guard let rule else { fallthrough }
      self.refusedByRule[rule, default: 0] += 1
    default: self.wrong.append(id)
    }
  }

  /// Prints the counts and requires that all vectors of the file were seen.
  func report(total: Int, _ location: SourceLocation = #_sourceLocation) {
    let rules = self.refusedByRule.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    print(
      "corpora: \(self.name): \(self.acceptedValid) valid accepted,",
      "\(self.refusedInvalid) invalid refused, valid but refused by rule: \(rules)"
    )
    let seen =
      self.acceptedValid + self.refusedInvalid + self.wrong.count
      + self.refusedByRule.values.reduce(0, +)
    #expect(seen == total, sourceLocation: location)
    #expect(self.wrong.isEmpty, sourceLocation: location)
  }
}
