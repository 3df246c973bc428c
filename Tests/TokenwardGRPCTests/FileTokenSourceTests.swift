// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation
internal import GRPCCore
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC

@Suite("The token file")
struct FileTokenSourceTests {
  /// A folder for one test.
  private func withFolder(_ body: (URL) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("tokenward-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(folder)
  }

  private func write(_ text: String, to file: URL, mode: Int = 0o600) throws {
    let new = file.deletingLastPathComponent().appendingPathComponent(UUID().uuidString)
    try Data(text.utf8).write(to: new)
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: new.path)
    // Over the old one in one step, as a renewing agent does it.
    #expect(rename(new.path, file.path) == 0)
  }

  private func read(_ source: FileTokenSource) async throws -> TokenFingerprint {
    try await source.token().fingerprint
  }

  @Test(
    "gives the token without its one line end",
    arguments: [("abc", "abc"), ("abc\n", "abc"), ("abc\r\n", "abc"), ("abc\n\n", "abc\n")]
  )
  func content(_ content: String, _ token: String) async throws {
    try await self.withFolder { folder in
      let file = folder.appendingPathComponent("token")
      try self.write(content, to: file)
      let source = FileTokenSource(path: file.path)
      #expect(try await self.read(source) == BearerToken(token).fingerprint)
    }
  }

  @Test("is read again when it was replaced or rewritten")
  func replaced() async throws {
    try await self.withFolder { folder in
      let file = folder.appendingPathComponent("token")
      let source = FileTokenSource(path: file.path)
      for token in ["first", "other", "third"] {
        try self.write(token, to: file)
        #expect(try await self.read(source) == BearerToken(token).fingerprint)
        #expect(try await self.read(source) == BearerToken(token).fingerprint)
      }
      // In place, at once, with the same length: only the dates can tell, and they may be equal.
      for token in ["four!", "five!", "sixth"] {
        let handle = try FileHandle(forWritingTo: file)
        try handle.write(contentsOf: Data(token.utf8))
        try handle.close()
        #expect(try await self.read(source) == BearerToken(token).fingerprint)
      }
      try FileManager.default.removeItem(at: file)
      await #expect(throws: TokenSourceError.self) { try await self.read(source) }
    }
  }

  @Test("that changed some time ago is cached, and every change of it is still seen")
  func cached() async throws {
    try await self.withFolder { folder in
      let file = folder.appendingPathComponent("token")
      let source = FileTokenSource(path: file.path, settling: .milliseconds(20))
      func expectCached(_ token: String) async throws {
        try await Task.sleep(for: .milliseconds(60))
        for _ in 0 ..< 2 {
          #expect(try await self.read(source) == BearerToken(token).fingerprint)
          #expect(source.isCached)
        }
      }
      try self.write("first", to: file)
      try await expectCached("first")
      // The rights are part of what is compared.
      try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file.path)
      await #expect(throws: TokenSourceError.self) { try await self.read(source) }
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
      try await expectCached("first")
      try self.write("other", to: file)
      #expect(try await self.read(source) == BearerToken("other").fingerprint)
      try await expectCached("other")
      try FileManager.default.removeItem(at: file)
      await #expect(throws: TokenSourceError.self) { try await self.read(source) }
    }
  }

  @Test("that has just changed is not cached: another change may leave the same dates")
  func unsettled() async throws {
    try await self.withFolder { folder in
      let file = folder.appendingPathComponent("token")
      try self.write("first", to: file)
      let source = FileTokenSource(path: file.path)
      #expect(try await self.read(source) == BearerToken("first").fingerprint)
      #expect(!source.isCached)
    }
  }

  @Test(
    "is refused if anyone but its owner has rights to it",
    arguments: [0o640, 0o604, 0o644, 0o660, 0o666, 0o620, 0o602, 0o610, 0o700, 0o601, 0o4600]
  )
  func tooOpen(_ mode: Int) async throws {
    try await self.withFolder { folder in
      let file = folder.appendingPathComponent("token")
      try self.write("the-secret", to: file, mode: mode)
      let source = FileTokenSource(path: file.path)
      let error = await #expect(throws: TokenSourceError.self) { try await self.read(source) }
      #expect(error?.hint.contains("chmod 600") == true)
      #expect("\(String(describing: error))".contains("the-secret") == false)
    }
  }

  @Test("is accepted with the owner's rights only", arguments: [0o600, 0o400])
  func narrow(_ mode: Int) async throws {
    try await self.withFolder { folder in
      let file = folder.appendingPathComponent("token")
      try self.write("abc", to: file, mode: mode)
      let source = FileTokenSource(path: file.path)
      #expect(try await self.read(source) == BearerToken("abc").fingerprint)
    }
  }

  @Test("may be as long as a token, and no longer")
  func length() async throws {
    try await self.withFolder { folder in
      let file = folder.appendingPathComponent("token")
      let source = FileTokenSource(path: file.path)
      let longest = String(repeating: "a", count: BearerToken.maximumLength)
      try self.write(longest + "\r\n", to: file)
      #expect(try await self.read(source) == BearerToken(longest).fingerprint)
      for tooLong in [longest + "a", longest + "a\n", longest + longest] {
        try self.write(tooLong, to: file)
        await #expect(throws: TokenSourceError.self) { try await self.read(source) }
      }
      for empty in ["", "\n"] {
        try self.write(empty, to: file)
        await #expect(throws: TokenSourceError.self) { try await self.read(source) }
      }
    }
  }

  @Test("may be a symbolic link, but no folder, pipe or nothing")
  func kinds() async throws {
    try await self.withFolder { folder in
      let file = folder.appendingPathComponent("token")
      try self.write("abc", to: file)
      let link = folder.appendingPathComponent("link")
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: file)
      let source = FileTokenSource(path: link.path)
      #expect(try await self.read(source) == BearerToken("abc").fingerprint)
      let pipe = folder.appendingPathComponent("pipe")
      #expect(mkfifo(pipe.path, 0o600) == 0)
      for path in [folder.path, pipe.path, folder.appendingPathComponent("none").path] {
        await #expect(throws: TokenSourceError.self) {
          try await self.read(FileTokenSource(path: path))
        }
      }
    }
  }
}
