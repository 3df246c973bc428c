// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardHTTP
import TokenwardOpenBao

/// A secret that the authority writes, in a vault that may answer anything.
@Suite("A secret of the authority in OpenBao", .timeLimit(.minutes(1)))
struct OpenBaoKeeperTests {
  private let bench: BaoBench
  private let keeper: OpenBaoSecretKeeper

  init() throws {
    self.bench = try BaoBench()
    self.keeper = try self.bench.openBao().keeper(path: "authority/pepper")
    self.bench.http.answer(Bao.login())
  }

  private static let none = Bao.answer(404, #"{"errors":[]}"#)
  private static func kept(_ text: String, version: String = "3") -> ScriptedHTTP.Outcome {
    Bao.secret(#"{"secret":"\#(text)"}"#, metadata: Bao.metadata(version: version))
  }
  private static func written(_ version: String) -> ScriptedHTTP.Outcome {
    Bao.answer(200, #"{"data":{"version":\#(version),"destroyed":false}}"#)
  }

  private func read() async throws(SecretError) -> (text: [UInt8], version: Int64)? {
    guard let kept = try await self.keeper.read() else { return nil }
    let bytes = kept.bytes.withExposedBytes { span in span.indices.map { span[$0] } }
    return (bytes, kept.version)
  }

  @Test("is read with its version, byte for byte")
  func present() async throws {
    self.bench.http.answer(Self.kept("AP8K"))
    let kept = try #require(try await self.read())
    #expect(kept.text == [0, 255, 10])
    #expect(kept.version == 3)
    #expect(self.bench.asked.last == "secret/data/authority/pepper")
  }

  @Test("is absent only where OpenBao has nothing to say about it")
  func absent() async throws {
    self.bench.http.answer(Self.none)
    #expect(try await self.read() == nil)
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let kind: SecretError.Kind
    let answer: ScriptedHTTP.Outcome
  }

  static let rows = [
    Row(
      testDescription: "no such mount",
      kind: .refused,
      answer: Bao.error(404, "no handler for route")
    ),
    Row(
      testDescription: "404 of somebody else",
      kind: .refused,
      answer: Bao.answer(404, "<html>", type: "text/html")
    ),
    Row(testDescription: "404 without errors", kind: .refused, answer: Bao.answer(404, "{}")),
    Row(
      testDescription: "404 with errors as text",
      kind: .refused,
      answer: Bao.answer(404, #"{"errors":""}"#)
    ),
    Row(
      testDescription: "404 with errors and data",
      kind: .refused,
      answer: Bao.answer(404, #"{"errors":[],"data":{}}"#)
    ),
    Row(testDescription: "deleted", kind: .unusable, answer: Bao.secret("null", status: 404)),
    Row(
      testDescription: "destroyed",
      kind: .unusable,
      answer: Bao.secret("null", metadata: Bao.metadata(destroyed: "true"), status: 404)
    ),
    Row(testDescription: "null with 200", kind: .unusable, answer: Bao.secret("null")),
    Row(
      testDescription: "another field beside it",
      kind: .unusable,
      answer: Bao.secret(#"{"secret":"AP8K","other":"x"}"#)
    ),
    Row(
      testDescription: "another field",
      kind: .unusable,
      answer: Bao.secret(#"{"other":"AP8K"}"#)
    ),
    Row(testDescription: "no field", kind: .unusable, answer: Bao.secret("{}")),
    Row(testDescription: "a list", kind: .unusable, answer: Bao.secret(#"["secret"]"#)),
    Row(testDescription: "a number", kind: .unusable, answer: Bao.secret(#"{"secret":5}"#)),
    Row(testDescription: "nothing in it", kind: .unusable, answer: Bao.secret(#"{"secret":""}"#)),
    Row(testDescription: "padding", kind: .unusable, answer: Bao.secret(#"{"secret":"AP8="}"#)),
    Row(
      testDescription: "bits left over",
      kind: .unusable,
      answer: Bao.secret(#"{"secret":"AP9"}"#)
    ),
    Row(
      testDescription: "a line end",
      kind: .unusable,
      answer: Bao.secret(#"{"secret":"AP8K\n"}"#)
    ),
    Row(testDescription: "version 0", kind: .unusable, answer: kept("AP8K", version: "0")),
    Row(
      testDescription: "a version of text",
      kind: .unusable,
      answer: kept("AP8K", version: #""3""#)
    ),
    Row(
      testDescription: "too long",
      kind: .unusable,
      answer: kept(String(repeating: "A", count: 65_540))
    ),
    Row(testDescription: "sealed", kind: .unavailable, answer: Bao.error(503, "Vault is sealed")),
    Row(testDescription: "standby", kind: .unavailable, answer: Bao.error(473)),
    Row(testDescription: "throttled", kind: .unavailable, answer: Bao.error(429)),
    Row(testDescription: "behind", kind: .unavailable, answer: Bao.error(412)),
    Row(testDescription: "unreachable", kind: .unavailable, answer: .failure(.connectionFailed)),
    Row(testDescription: "slow", kind: .unavailable, answer: .failure(.deadlineExceeded)),
    Row(testDescription: "huge", kind: .unusable, answer: .failure(.tooLarge)),
  ]

  @Test("is never taken to be absent because something is wrong", arguments: rows)
  func wrong(row: Row) async throws {
    self.bench.http.answer(row.answer)
    let error = await #expect(throws: SecretError.self) { _ = try await self.keeper.read() != nil }
    #expect(error?.kind == row.kind)
  }

  @Test("that the policy does not allow to read is not absent, and the error names the policy")
  func denied() async throws {
    self.bench.http.answer(Bao.error(403), Bao.login("s.second"), Bao.error(403))
    let error = await #expect(throws: SecretError.self) { _ = try await self.keeper.read() != nil }
    #expect(error?.kind == .refused)
    #expect(error?.hint.contains(#"path "secret/data/authority/pepper""#) == true)
    #expect(error?.hint.contains(#"["create", "read", "update"]"#) == true)
  }

  @Test("is written with the version that it replaces")
  func writes() async throws {
    self.bench.http.answer(Self.written("1"))
    #expect(try await self.keeper.write(SecretBytes([0, 255, 10]), replacing: nil))
    #expect(self.bench.body(1) == #"{"options":{"cas":0},"data":{"secret":"AP8K"}}"#)
    self.bench.http.answer(Self.written("8"))
    #expect(try await self.keeper.write(SecretBytes([1]), replacing: 7))
    #expect(self.bench.body(2) == #"{"options":{"cas":7},"data":{"secret":"AQ"}}"#)
  }

  @Test("is not written over another version, and the caller is told")
  func mismatch() async throws {
    let mismatch = Bao.error(400, "check-and-set parameter did not match the current version")
    self.bench.http.answer(mismatch, Self.kept("AP8K", version: "1"))
    #expect(try await !self.keeper.write(SecretBytes([1]), replacing: nil))
    self.bench.http.answer(mismatch, Self.kept("AP8K", version: "9"))
    #expect(try await !self.keeper.write(SecretBytes([1]), replacing: 8))
  }

  @Test("a refusal for another reason is an error, whatever its text says")
  func otherRefusals() async throws {
    let refusal = Bao.error(400, "check-and-set parameter did not match the current version")
    let cases: [(Int64?, [ScriptedHTTP.Outcome])] = [
      (nil, [refusal, Self.none]), (3, [refusal, Self.kept("AP8K", version: "3")]),
      (3, [refusal, Self.none]), (nil, [refusal, Bao.secret("null", status: 404)]),
      (nil, [refusal, Bao.error(503)]), (nil, [Bao.answer(400, "<html>", type: "text/html")]),
      (nil, [Self.written("2")]), (7, [Self.written("7")]), (nil, [Self.written(#""1""#)]),
      (nil, [Bao.answer(200, "{}")]), (nil, [Bao.answer(204, "")]),
      (nil, [.failure(.deadlineExceeded)]), (nil, [Bao.error(503)]),
    ]
    for (version, answers) in cases {
      for answer in answers { self.bench.http.answer(answer) }
      await #expect(throws: SecretError.self) {
        try await self.keeper.write(SecretBytes([1]), replacing: version)
      }
    }
    #expect(self.bench.http.requests.count == 1 + cases.reduce(0) { $0 + $1.1.count })
  }

  @Test("of no bytes, of too many, or in the place of no version is not sent")
  func unwritable() async throws {
    await #expect(throws: SecretError.self) {
      try await self.keeper.write(SecretBytes([]), replacing: nil)
    }
    await #expect(throws: SecretError.self) {
      try await self.keeper.write(SecretBytes([UInt8](repeating: 0, count: 49_153)), replacing: nil)
    }
    await #expect(throws: SecretError.self) {
      try await self.keeper.write(SecretBytes([1]), replacing: 0)
    }
    #expect(self.bench.http.requests.isEmpty)
  }

  @Test("what is written at most can be read again")
  func longest() async throws {
    self.bench.http.answer(Self.written("1"))
    let longest = [UInt8](repeating: 0, count: OpenBaoSecretKeeper.maximumLength)
    #expect(try await self.keeper.write(SecretBytes(longest), replacing: nil))
    self.bench.http.answer(Self.kept(Base64URL.encode(longest)))
    #expect(try await self.read()?.text == longest)
  }
}
