// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardCore

@Suite("A file that is read")
struct ReadableFileTests {
  private func problem(
    mode: Int,
    _ privacy: ReadableFile.Privacy,
    owner: Int? = nil,
    content: Int = 10
  ) throws -> String? {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/file"
    let bytes = Data(repeating: 65, count: content)
    #expect(FileManager.default.createFile(atPath: path, contents: bytes))
    var attributes: [FileAttributeKey: Any] = [.posixPermissions: mode]
    if let owner { attributes[.ownerAccountID] = owner }
    try FileManager.default.setAttributes(attributes, ofItemAtPath: path)
    do {
      let read = try ReadableFile.read(path, limit: 10, privacy: privacy)
      #expect(read == Array(bytes))
      return nil
    } catch {
      #expect(!error.hint.isEmpty)
      return error.problem
    }
  }

  @Test(
    "is refused if the wrong people can read or write it",
    arguments: [
      (0o644, 0o646, ReadableFile.Privacy.publicContent), (0o640, 0o660, .groupSecret),
      (0o640, 0o644, .groupSecret), (0o600, 0o640, .ownerSecret), (0o600, 0o604, .ownerSecret),
    ]
  )
  func modes(good: Int, bad: Int, privacy: ReadableFile.Privacy) throws {
    #expect(try self.problem(mode: good, privacy) == nil)
    #expect(try self.problem(mode: bad, privacy) != nil)
  }

  @Test("is refused if it is something else, without waiting for it")
  func kinds() throws {
    let folder = try TemporaryFolder()
    for name in ["folder", "pipe"] {
      let path = "\(folder.path)/\(name)"
      #expect((name == "pipe" ? mkfifo(path, 0o600) : mkdir(path, 0o600)) == 0)
      let failure = #expect(throws: ReadableFile.Failure.self) {
        try ReadableFile.read(path, limit: 10, privacy: .ownerSecret)
      }
      #expect(failure?.problem == "is no regular file")
    }
    let missing = #expect(throws: ReadableFile.Failure.self) {
      try ReadableFile.read("\(folder.path)/missing", limit: 10, privacy: .publicContent)
    }
    #expect(missing?.problem.hasPrefix("cannot be read") == true)
  }

  @Test("is refused if it is longer than its limit")
  func length() throws {
    #expect(try self.problem(mode: 0o600, .ownerSecret, content: 10) == nil)
    #expect(try self.problem(mode: 0o600, .ownerSecret, content: 11)?.contains("longer") == true)
  }

  @Test(
    "is refused if another user owns the secret in it",
    .enabled(if: geteuid() == 0, "only root can give a file away"),
    arguments: [ReadableFile.Privacy.groupSecret, .ownerSecret]
  )
  func owner(privacy: ReadableFile.Privacy) throws {
    #expect(try self.problem(mode: 0o600, privacy, owner: 0) == nil)
    #expect(try self.problem(mode: 0o600, privacy, owner: 12_345)?.contains("another") == true)
    #expect(try self.problem(mode: 0o600, .publicContent, owner: 12_345) == nil)
  }
}
