// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import ArgumentParser
import Foundation
import SwiftProtobuf
import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardProtos

@testable import tokenward

@Suite("What is shown of an authority")
struct TokenViewTests {
  private static let token = AuthorityAPI.Token.with {
    $0.id = "0123456789abcdef"
    $0.name = "ci"
    $0.tenant = "main"
    $0.owner = "builds"
    $0.audiences = ["orders"]
    $0.state = .revoked
    $0.createdAt.seconds = 100
    $0.expiresAt.seconds = 200
    $0.labels = ["b": "2", "a": "1"]
    $0.revocation.at.seconds = 150
    $0.revocation.reason = "lost"
  }

  @Test("a token is one JSON object with every field, null where there is nothing")
  func json() {
    #expect(
      TokenView(token: Self.token).object.text
        == #"{"id":"0123456789abcdef","name":"ci","tenant":"main","owner":"builds","#
        + #""state":"revoked","roles":[],"scopes":[],"audiences":["orders"],"networks":[],"#
        + #""certificate_thumbprint":null,"labels":{"a":"1","b":"2"},"created_at":100,"#
        + #""created_by":null,"not_before":null,"expires_at":200,"rotated_at":null,"rotations":0,"#
        + #""previous_secret_until":null,"last_used_at":null,"#
        + #""revocation":{"at":150,"reason":"lost","by":null}}"#
    )
  }

  @Test("a list says whether there is more")
  func list() throws {
    let command = try TokenList.parse(["--output", "json"])
    #expect(command.text([], next: "") == "{\"tokens\":[],\"next\":null}\n")
    #expect(command.text([], next: "abc") == "{\"tokens\":[],\"next\":\"abc\"}\n")
    let text = try TokenList.parse([])
    #expect(text.text([], next: "") == "no tokens\n")
    #expect(text.text([Self.token], next: "abc").hasSuffix("there are more: --after abc\n"))
  }

  @Test("columns are aligned, and what an authority says moves no cursor")
  func table() {
    #expect(TextTable.rows([["A", "B"], ["long", "c"]]) == "A     B\nlong  c\n")
    #expect(TextTable.rows([["a\u{1B}[2J\nb"]]) == "a\\u001b[2J\\u000ab\n")
  }

  @Test("an audit file that is whole is confirmed; one that was changed is not")
  func audit() async throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/audit.jsonl"
    let file = try ChainedAuditFile(path: path)
    for _ in 0 ..< 3 {
      try await file.record(AuditEvent(.createToken, .allowed, at: UnixTime(seconds: 1)))
    }
    await file.close()
    let whole = try BuiltCommand.run(["audit", "verify", path, "--output", "json"])
    #expect(whole.status == 0)
    #expect(whole.output.hasPrefix("{\"ok\":true,\"records\":4,"))
    #expect(
      try BuiltCommand.run(["audit", "tail", path, "-n", "2"]).output.split(separator: "\n").count
        == 2
    )

    let position = try BuiltCommand.run(["audit", "verify", path]).output.split(separator: "\n")
      .first { $0.hasPrefix("last") }?.split(separator: " ").last
    let expected = String(try #require(position))
    #expect(try BuiltCommand.run(["audit", "verify", path, "--expect", expected]).status == 0)
    let later = "9\(expected)"
    #expect(try BuiltCommand.run(["audit", "verify", path, "--expect", later]).status == 1)
    // A position that was kept has to be in the chain with its hash, however long the chain is.
    let kept = try BuiltCommand.run([
      "audit", "verify", path, "--expect", "2:\(expected.suffix(43))",
    ])
    #expect(kept.status == 1)

    let content = try String(contentsOfFile: path, encoding: .utf8)
    try content.replacing("allowed", with: "refused", maxReplacements: 1)
      .write(toFile: path, atomically: false, encoding: .utf8)
    let changed = try BuiltCommand.run(["audit", "verify", path])
    #expect(changed.status == 1)
    #expect(changed.complaint.contains("line"))
    #expect(try BuiltCommand.run(["audit", "verify", "\(folder.path)/none"]).status == 2)
  }
}
