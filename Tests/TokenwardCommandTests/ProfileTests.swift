// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardCore

@testable import tokenward

@Suite("What login remembers")
struct ProfileTests {
  private static let token = String(
    decoding: APITokenFormat.token(
      id: Array("0123456789abcdef".utf8),
      secret: Array(String(repeating: "s", count: 43).utf8)
    ),
    as: UTF8.self
  )

  /// Runs the command with a folder of its own for profiles.
  private func run(
    _ arguments: [String],
    in folder: TemporaryFolder
  ) throws -> (status: Int32, output: String) {
    let process = Process()
    let pipe = Pipe()
    let command: URL = try #require(BuiltCommand.url, "the command is built with the tests")
    process.executableURL = command
    process.arguments = arguments
    process.environment = ["XDG_CONFIG_HOME": folder.path]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }

  private func write(_ content: String, mode: Int, in folder: TemporaryFolder) throws {
    let path = "\(folder.path)/tokenward"
    try FileManager.default.createDirectory(
      atPath: path,
      withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700]
    )
    try content.write(toFile: "\(path)/default.json", atomically: false, encoding: .utf8)
    try FileManager.default.setAttributes(
      [.posixPermissions: mode],
      ofItemAtPath: "\(path)/default.json"
    )
  }

  @Test("without a profile a command says how to log in")
  func missing() throws {
    let result = try self.run(["token", "list"], in: try TemporaryFolder())
    #expect(result.status == 2)
    #expect(result.output.contains("tokenward login --server"))
  }

  @Test("a profile that others can read, or that is none, is refused and not shown")
  func refused() throws {
    let good = "{\"server\":\"localhost:1\",\"ca\":null,\"token\":\"\(Self.token)\"}"
    for (content, mode, complaint) in [
      (good, 0o644, "others than you can use"), ("{}", 0o600, "is no profile"),
      (good.replacing("localhost:1", with: "localhost"), 0o600, "is no profile"),
      (good.replacing("null", with: "\"ca.pem\""), 0o600, "is no profile"),
      (good.replacing(Self.token, with: ""), 0o600, "is no profile"),
      ("{\"server\":\"a:1\",\(good.dropFirst())", 0o600, "is no profile"),
    ] {
      let folder = try TemporaryFolder()
      try self.write(content, mode: mode, in: folder)
      let result = try self.run(["token", "list"], in: folder)
      #expect(result.status == 2)
      #expect(result.output.contains(complaint), "\(result.output)")
      #expect(!result.output.contains("twk_"))
    }
    // The twin is read, and its token goes to its own server only.
    let folder = try TemporaryFolder()
    try self.write(good, mode: 0o600, in: folder)
    let other = try self.run(["token", "list", "--server", "localhost:2"], in: folder)
    #expect(other.status == 64)
    #expect(other.output.contains("goes nowhere else"))
  }

  @Test("a token is looked at before anybody is shown it")
  func tokens() throws {
    #expect(try LoginCommand.id(of: BearerToken(Self.token)) == "0123456789abcdef")
    for wrong in [
      String(Self.token.dropLast()), Self.token + "0", "eyJhbGciOiJFUzI1NiJ9.e30.c2ln", "",
    ] {
      #expect(throws: CommandFailure.self) { try LoginCommand.id(of: BearerToken(wrong)) }
    }
    let mistyped = Self.token.replacing("sss", with: "Sss", maxReplacements: 1)
    let failure = #expect(throws: CommandFailure.self) {
      try LoginCommand.id(of: BearerToken(mistyped))
    }
    #expect(failure?.problem.contains("mistyped") == true)
  }

  @Test("what is typed ends with Return, can be corrected, and can be given up")
  func typing() throws {
    func line(_ keys: [UInt8], limit: Int = 8) throws -> [UInt8] {
      var rest = keys[...]
      return try HiddenInput.line(limit: limit) { rest.popFirst() }
    }
    #expect(try line([0x61, 0x62, 0x7F, 0x63, 0x0A, 0x64]) == [0x61, 0x63])
    #expect(try line([0x7F, 0x61]) == [0x61])
    #expect(throws: CommandFailure.self) { try line([0x61, 0x03]) }
    #expect(throws: CommandFailure.self) { try line([0x61, 0x62], limit: 1) }
  }

  @Test("names of profiles are names of files and nothing more")
  func names() {
    #expect(Profile.isName("prod-1_a"))
    for name in ["", "..", "a/b", "a.b", "ä", String(repeating: "a", count: 65)] {
      #expect(!Profile.isName(name))
    }
  }
}
