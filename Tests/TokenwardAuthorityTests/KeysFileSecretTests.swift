// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

@Suite("A secret in an owner-only file")
struct KeysFileSecretTests {
  /// A folder of its own, and the path of a file in it.
  private final class Folder {
    let url = FileManager.default.temporaryDirectory.appending(path: "keeper-\(UUID().uuidString)")
    var file: String { self.url.appending(path: "secrets").path }

    init(mode: Int = 0o700) throws {
      try FileManager.default.createDirectory(at: self.url, withIntermediateDirectories: false)
      try self.setMode(mode, self.url.path)
    }

    deinit { try? FileManager.default.removeItem(at: self.url) }

    func setMode(_ mode: Int, _ path: String) throws {
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    func mode(_ path: String) throws -> Int? {
      try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }
  }

  private func text(_ kept: consuming KeptSecret?) -> String? {
    guard let kept else { return nil }
    return kept.bytes.withExposedBytes { span in
      span.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
  }

  private func kind(_ keeper: FileSecretKeeper) async -> SecretError.Kind? {
    do throws(SecretError) {
      _ = try await keeper.read()
      return nil
    } catch {
      return error.kind
    }
  }

  @Test("What was written is read, by another process too, and only by its owner")
  func roundTrip() async throws {
    let folder = try Folder()
    let keeper = try FileSecretKeeper(path: folder.file)
    #expect(self.text(try await keeper.read()) == nil)
    #expect(try await keeper.write(SecretBytes("one\n".utf8), replacing: nil))
    #expect(try await !keeper.write(SecretBytes("two".utf8), replacing: nil))
    #expect(try await !keeper.write(SecretBytes("two".utf8), replacing: 2))
    let other = try FileSecretKeeper(path: folder.file)
    #expect(self.text(try await other.read()) == "one\n")
    #expect(try await other.write(SecretBytes("three".utf8), replacing: 1))
    #expect(try await !keeper.write(SecretBytes("two".utf8), replacing: 1))
    #expect(self.text(try await keeper.read()) == "three")
    #expect(try folder.mode(folder.file) == 0o600)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted() == [
        "secrets", "secrets.lock",
      ]
    )
  }

  @Test("A file that is gone or older than it was is an error, not a first start")
  func vanished() async throws {
    let folder = try Folder()
    let keeper = try FileSecretKeeper(path: folder.file)
    #expect(try await keeper.write(SecretBytes("one".utf8), replacing: nil))
    let old = try Data(contentsOf: URL(filePath: folder.file))
    #expect(try await keeper.write(SecretBytes("two".utf8), replacing: 1))
    try FileManager.default.removeItem(atPath: folder.file)
    #expect(await self.kind(keeper) == .refused)
    await #expect(throws: SecretError.self) {
      try await keeper.write(SecretBytes("three".utf8), replacing: nil)
    }
    #expect(!FileManager.default.fileExists(atPath: folder.file))
    try old.write(to: URL(filePath: folder.file))
    try folder.setMode(0o600, folder.file)
    #expect(await self.kind(keeper) == .refused)
    #expect(await self.kind(try FileSecretKeeper(path: folder.file)) == nil)
  }

  @Test(
    "A file or folder that others can get at is refused",
    arguments: [0o640, 0o604, 0o620, 0o700 | 0o007]
  )
  func modes(_ mode: Int) async throws {
    let folder = try Folder()
    let keeper = try FileSecretKeeper(path: folder.file)
    #expect(try await keeper.write(SecretBytes("one".utf8), replacing: nil))
    #expect(await self.kind(keeper) == nil)
    try folder.setMode(mode, folder.file)
    #expect(await self.kind(keeper) == .refused)
    await #expect(throws: SecretError.self) {
      try await keeper.write(SecretBytes("two".utf8), replacing: 1)
    }
    try folder.setMode(0o600, folder.file)
    #expect(await self.kind(keeper) == nil)
    for writable in [0o720, 0o702, 0o777, 0o1777] {
      try folder.setMode(writable, folder.url.path)
      #expect(await self.kind(keeper) == .refused)
    }
    try folder.setMode(0o755, folder.url.path)
    #expect(await self.kind(keeper) == nil)
  }

  @Test("A link, a folder, and a folder that is not there are refused")
  func kinds() async throws {
    let folder = try Folder()
    let target = folder.file + ".target"
    let real = try FileSecretKeeper(path: target)
    #expect(try await real.write(SecretBytes("one".utf8), replacing: nil))
    try FileManager.default.createSymbolicLink(atPath: folder.file, withDestinationPath: target)
    #expect(await self.kind(try FileSecretKeeper(path: folder.file)) == .refused)
    try FileManager.default.removeItem(atPath: target)
    #expect(await self.kind(try FileSecretKeeper(path: folder.file)) == .refused)
    try FileManager.default.removeItem(atPath: folder.file)
    try FileManager.default.createDirectory(atPath: folder.file, withIntermediateDirectories: false)
    #expect(await self.kind(try FileSecretKeeper(path: folder.file)) != nil)
    #expect(await self.kind(try FileSecretKeeper(path: folder.file + "/no/where")) == .unavailable)
    #expect(throws: ConfigurationError.self) { try FileSecretKeeper(path: "") }
    #expect(throws: ConfigurationError.self) { try FileSecretKeeper(path: "$HOME/secrets") }
  }

  @Test(
    "A file that was not written like that is refused",
    arguments: [
      "", "x", "tokenward-secret ", "tokenward-secret \nx", "tokenward-secret 0\nx",
      "tokenward-secret 01\nx", "tokenward-secret -1\nx", "tokenward-secret 1",
      "Tokenward-secret 1\nx",
      "tokenward-secret 99999999999999999999999\nx", "tokenward-secret 1 \nx",
    ]
  )
  func faults(_ content: String) async throws {
    let folder = try Folder()
    _ = FileManager.default.createFile(
      atPath: folder.file,
      contents: Data(content.utf8),
      attributes: [.posixPermissions: 0o600]
    )
    #expect(await self.kind(try FileSecretKeeper(path: folder.file)) == .unusable)
    try "tokenward-secret 1\nx".write(toFile: folder.file, atomically: false, encoding: .utf8)
    #expect(self.text(try await FileSecretKeeper(path: folder.file).read()) == "x")
  }

  @Test("What a crashed writer left is no obstacle, and a writer that hangs is reported")
  func leftovers() async throws {
    let folder = try Folder()
    _ = FileManager.default.createFile(atPath: folder.file + ".new", contents: Data("half".utf8))
    let keeper = try FileSecretKeeper(path: folder.file, lockingSeconds: 0)
    #expect(try await keeper.write(SecretBytes("one".utf8), replacing: nil))
    #expect(self.text(try await keeper.read()) == "one")

    let held = open(folder.file + ".lock", O_RDWR)
    #expect(flock(held, LOCK_EX) == 0)
    await #expect(throws: SecretError.self) {
      try await keeper.write(SecretBytes("two".utf8), replacing: 1)
    }
    close(held)
    #expect(try await keeper.write(SecretBytes("two".utf8), replacing: 1))
  }

  @Test("Of forty writers that replace the same state one succeeds each time")
  func writers() async throws {
    let folder = try Folder()
    let path = folder.file
    for round in 0 ..< 5 as Range<Int64> {
      let wins = try await withThrowingTaskGroup(of: Bool.self) { group in
        for writer in 0 ..< 40 {
          group.addTask {
            try await FileSecretKeeper(path: path, lockingSeconds: 60).write(
              SecretBytes("\(round) \(writer)".utf8),
              replacing: round == 0 ? nil : round
            )
          }
        }
        return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
      }
      #expect(wins == 1)
    }
  }

  @Test("Two authorities that start at once in one folder have the same pepper")
  func starters() async throws {
    let folder = try Folder()
    let path = folder.file
    let message = Array("message".utf8)
    let codes = try await withThrowingTaskGroup(of: [UInt8].self) { group in
      for _ in 0 ..< 8 {
        group.addTask {
          try await AuthoritySecrets.load(
            from: FileSecretKeeper(path: path),
            isFirstStart: true,
            at: ManualClock.defaultStart
          ).current.code(for: message.span)
        }
      }
      return try await group.reduce(into: Set<[UInt8]>()) { $0.insert($1) }
    }
    #expect(codes.count == 1)
  }
}
