// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import ArgumentParser
import Foundation
import Testing
import TokenwardCore

@testable import tokenward

@Suite("Where a new secret goes")
struct SecretOutputTests {
  private func output(_ arguments: [String]) throws -> SecretOutput {
    try SecretOutput.parse(arguments)
  }

  @Test("to a terminal, to a pipe that was named, and into no pipe that was not")
  func pipes() throws {
    #expect(throws: Never.self) { try self.output([]).destination(isTerminal: true) }
    #expect(throws: Never.self) { try self.output(["--stdout"]).destination(isTerminal: false) }
    let refusal = #expect(throws: CommandFailure.self) {
      try self.output([]).destination(isTerminal: false)
    }
    #expect(refusal?.status == .usage)
    #expect(refusal?.hint?.contains("--out") == true)
    #expect(throws: (any Error).self) { try self.output(["--stdout", "--out", "a"]) }
  }

  @Test("into a new file that only its owner can read, made before anybody is asked")
  func file() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/secret"
    let destination = try self.output(["--out", path]).destination(isTerminal: false)
    #expect(try permissions(path) == 0o600)
    let issued = IssuedSecret(secret: "twk_secret", facts: [("id", "a")], object: JSONObjectText())
    try issued.deliver(to: destination, as: .text)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "twk_secret\n")
    // Nothing is overwritten, and the first content stays.
    #expect(throws: CommandFailure.self) {
      try self.output(["--out", path]).destination(isTerminal: false)
    }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "twk_secret\n")
  }

  @Test("a file for a secret that never came is removed, and a link is not followed")
  func withoutSecret() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/secret"
    var destination: SecretDestination? = try self.output(["--out", path])
      .destination(isTerminal: false)
    #expect(FileManager.default.fileExists(atPath: path))
    if case .file? = destination { destination = nil }
    #expect(!FileManager.default.fileExists(atPath: path))
    try FileManager.default.createSymbolicLink(
      atPath: path,
      withDestinationPath: "\(folder.path)/elsewhere"
    )
    #expect(throws: CommandFailure.self) {
      try self.output(["--out", path]).destination(isTerminal: false)
    }
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/elsewhere"))
  }

  @Test("an idempotency key is kept in a private file and is the same the next time")
  func requestKey() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/key"
    let options = try RequestKey.parse(["--idempotency-key-file", path])
    let first = try options.value()
    #expect(try permissions(path) == 0o600)
    #expect(try options.value() == first)
    #expect((22 ... 128).contains(first.utf8.count))
    #expect(try RequestKey.parse([]).value() != RequestKey.parse([]).value())
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    #expect(throws: CommandFailure.self) { try options.value() }
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    try "short\n".write(toFile: path, atomically: false, encoding: .utf8)
    #expect(throws: CommandFailure.self) { try options.value() }
  }
}
