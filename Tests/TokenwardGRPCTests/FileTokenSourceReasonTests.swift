// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation
internal import GRPCCore
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC

@Suite("Why a token file is refused", .timeLimit(.minutes(1)))
struct FileTokenSourceReasonTests {
  private func withFile(
    _ content: String = "abc",
    _ body: (URL) async throws -> Void
  ) async throws {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("tokenward-\(UUID().uuidString)")
    try Data(content.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
    try await body(file)
  }

  private func expectRefused(
    _ path: String,
    _ reason: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async {
    let error = await #expect(throws: TokenSourceError.self, sourceLocation: sourceLocation) {
      try await FileTokenSource(path: path).token()
    }
    // A file that is not there, or that is being written, may come; the others have to be mended.
    let mayCome = ["cannot be opened", "cannot be read", "is empty"].contains(reason)
    #expect(error?.kind == (mayCome ? .unavailable : .unusable), sourceLocation: sourceLocation)
    let problem = error?.problem ?? ""
    #expect(problem.contains(reason), "\(problem)", sourceLocation: sourceLocation)
    #expect(!"\(String(describing: error))".contains("abc"), sourceLocation: sourceLocation)
  }

  private func read(_ path: String) async throws -> TokenFingerprint {
    try await FileTokenSource(path: path).token().fingerprint
  }

  @Test("is its kind, not that such a file has no content")
  func kind() async throws {
    try await self.withFile { file in
      let token = try await self.read(file.path)
      #expect(token == BearerToken("abc").fingerprint)
      let folder = FileManager.default.temporaryDirectory.path
      await self.expectRefused(folder, "not a regular file")
      let pipe = file.path + ".pipe"
      #expect(mkfifo(pipe, 0o600) == 0)
      defer { unlink(pipe) }
      await self.expectRefused(pipe, "not a regular file")
      await self.expectRefused(file.path + ".none", "cannot be opened")
    }
  }

  @Test("is its content")
  func content() async throws {
    for (content, reason) in [
      ("", "is empty"), ("\r\n", "is empty"),
      (String(repeating: "abc", count: BearerToken.maximumLength), "longer than a token"),
    ] {
      try await self.withFile(content) { file in
        await self.expectRefused(file.path, reason)
      }
    }
  }

  @Test(
    "is its owner, who is neither this user nor root",
    // Only root can give a file away, and still read it.
    .enabled(if: geteuid() == 0)
  )
  func owner() async throws {
    try await self.withFile { file in
      #expect(chown(file.path, 65_534, gid_t.max) == 0)
      await self.expectRefused(file.path, "belongs to another user")
      #expect(chown(file.path, geteuid(), gid_t.max) == 0)
      let token = try await self.read(file.path)
      #expect(token == BearerToken("abc").fingerprint)
    }
  }

  @Test("is who has rights to it", arguments: [0o640, 0o604, 0o4600])
  func rights(_ mode: Int) async throws {
    try await self.withFile { file in
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path)
      await self.expectRefused(file.path, "is open to others: mode \(String(mode, radix: 8))")
    }
  }

  #if os(Linux)
  @Test("is that it cannot be read")
  func unreadable() async throws {
    // The memory of this process: a regular file of its owner with nothing at its beginning.
    await self.expectRefused("/proc/self/mem", "cannot be read")
  }
  #endif

  @Test("may not be hidden by an old date: a file is kept only if nothing about it is new")
  func oldDate() async throws {
    try await self.withFile { file in
      let past = Date(timeIntervalSinceNow: -3_600)
      try FileManager.default.setAttributes([.modificationDate: past], ofItemAtPath: file.path)
      let source = FileTokenSource(path: file.path, settling: .seconds(600))
      _ = try await source.token()
      #expect(!source.isCached)
      let quick = FileTokenSource(path: file.path, settling: .seconds(-600))
      _ = try await quick.token()
      #expect(quick.isCached)
    }
  }
}
