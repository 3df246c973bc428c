// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Synchronization
import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

@Suite("The first token")
struct AuthorityBootstrapTests {
  private struct Surroundings {
    let clock = ManualClock()
    let journal = Journal()
    let keeper = KeptInMemory()
    let store: ScriptedStore
    let trail: RecordingTrail
    let folder: String
    var path: String { self.folder + "/admin.token" }

    init() throws {
      self.store = ScriptedStore(self.journal)
      self.trail = RecordingTrail(self.journal)
      let url = FileManager.default.temporaryDirectory.appending(path: "tokenward-\(UUID())")
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
      self.folder = url.path()
    }

    func remove() { try? FileManager.default.removeItem(atPath: self.folder) }

    func authority() async throws -> TokenAuthority {
      try await TestAuthority.make(self.clock, self.store, self.trail, self.keeper)
    }

    func content() -> [UInt8]? {
      FileManager.default.contents(atPath: self.path).map { Array($0.dropLast()) }
    }

    func isAccepted(_ token: [UInt8]?, by authority: TokenAuthority) -> Bool {
      guard let token else { return false }
      return (try? authority.snapshot.match(token, at: self.clock.moment.unix)) != nil
    }
  }

  @Test("it is written once, to a file of its owner alone, with every permission")
  func once() async throws {
    let at = try Surroundings()
    defer { at.remove() }
    let authority = try await at.authority()
    at.journal.clear()
    let record = try #require(try await authority.bootstrap(into: at.path))
    #expect(record.roles == [.administrator])
    #expect(record.expiresAt == record.createdAt.adding(seconds: 30 * 86_400))
    #expect(at.journal.all == ["audit authority.bootstrap allowed", "commit"])
    let attributes = try FileManager.default.attributesOfItem(atPath: at.path)
    #expect((attributes[.posixPermissions] as? Int) == 0o600)
    #expect(try FileManager.default.contentsOfDirectory(atPath: at.folder) == ["admin.token"])
    let token = try #require(at.content())
    let match = try authority.snapshot.match(token, at: at.clock.moment.unix)
    #expect(Set(match.scopes) == Set(Permission.allCases.map(\.scope)))
    // Neither the next start nor the loss of the file or of the token makes another.
    #expect(try await authority.bootstrap(into: at.path) == nil)
    let restarted = try await at.authority()
    #expect(try await restarted.bootstrap(into: at.path + "2") == nil)
    #expect(at.isAccepted(token, by: restarted))
    try await restarted.revoke(presented: BearerToken(bytes: token), peer: nil)
    #expect(try await at.authority().bootstrap(into: at.path + "2") == nil)
    #expect(!FileManager.default.fileExists(atPath: at.path + "2"))
    // Whoever may say so has another one.
    #expect(try await restarted.bootstrap(into: at.path + "2", isForced: true) != nil)
    let other = FileManager.default.contents(atPath: at.path + "2").map { Array($0.dropLast()) }
    #expect(at.isAccepted(other, by: restarted))
    #expect(other != token)
  }

  @Test("an interrupted start is gone on with: between file and store", arguments: [0, 1])
  func interrupted(_ failedReadings: Int) async throws {
    let at = try Surroundings()
    defer { at.remove() }
    let first = try await at.authority()
    at.store.fail([.lost], readings: failedReadings)
    await #expect(throws: BootstrapError.authority(.unavailable(.store))) {
      try await first.bootstrap(into: at.path)
    }
    let token = try #require(at.content())
    #expect(!at.isAccepted(token, by: first))
    let next = try await at.authority()
    #expect(!at.isAccepted(token, by: next))
    #expect(try await next.bootstrap(into: at.path) != nil)
    #expect(at.content() == token)
    #expect(at.isAccepted(token, by: next))
  }

  @Test("an interrupted start is gone on with: behind the store")
  func interruptedLate() async throws {
    let at = try Surroundings()
    defer { at.remove() }
    let first = try await at.authority()
    at.store.fail([.unanswered], readings: 1)
    await #expect(throws: BootstrapError.authority(.unavailable(.store))) {
      try await first.bootstrap(into: at.path)
    }
    let next = try await at.authority()
    #expect(try await next.bootstrap(into: at.path) == nil)
    #expect(at.isAccepted(at.content(), by: next))
  }

  @Test("without an audit record there is neither file nor token")
  func audit() async throws {
    let at = try Surroundings()
    defer { at.remove() }
    let authority = try await at.authority()
    at.trail.setBroken(true)
    await #expect(throws: BootstrapError.authority(.unavailable(.audit))) {
      try await authority.bootstrap(into: at.path)
    }
    #expect(at.content() == nil)
    at.trail.setBroken(false)
    #expect(try await authority.bootstrap(into: at.path) != nil)
  }

  @Test("a file of somebody else is left alone", arguments: ["notes", "token"])
  func foreign(_ kind: String) async throws {
    let at = try Surroundings()
    defer { at.remove() }
    let content =
      kind == "notes"
      ? Array("notes\n".utf8)
      : APITokenFormat.token(id: Base62.random(16), secret: Base62.random(43)) + [0x0A]
    try OwnerOnlyFile.write(content, to: at.path)
    let authority = try await at.authority()
    do {
      try await authority.bootstrap(into: at.path)
      Issue.record("a file was taken over")
    } catch {
      guard case .file = error else { throw error }
    }
    #expect(FileManager.default.contents(atPath: at.path) == Data(content))
    #expect(try await at.store.memory.tokens(TokenQuery()).isEmpty)
  }

  @Test("a place that cannot be written makes no token")
  func noPlace() async throws {
    let at = try Surroundings()
    defer { at.remove() }
    let authority = try await at.authority()
    do {
      try await authority.bootstrap(into: at.folder + "/missing/admin.token")
      Issue.record("a token without a file")
    } catch {
      guard case .file = error else { throw error }
    }
    #expect(try await at.store.memory.tokens(TokenQuery()).isEmpty)
    #expect(at.trail.events.last?.outcome == .failed)
  }

  @Test("a private file is made once, read by its owner, and refused if others can get at it")
  func files() throws {
    let at = try Surroundings()
    defer { at.remove() }
    #expect(try OwnerOnlyFile.read(at.path, atMost: 8) == nil)
    try OwnerOnlyFile.write(Array("secret".utf8), to: at.path)
    #expect(try OwnerOnlyFile.read(at.path, atMost: 6) == Array("secret".utf8))
    #expect(throws: OwnerOnlyFileError.self) { try OwnerOnlyFile.read(at.path, atMost: 5) }
    #expect(throws: OwnerOnlyFileError.self) { try OwnerOnlyFile.write([1], to: at.path) }
    #expect(try OwnerOnlyFile.read(at.path, atMost: 6) == Array("secret".utf8))
    try FileManager.default.createSymbolicLink(
      atPath: at.folder + "/link",
      withDestinationPath: at.path
    )
    #expect(throws: OwnerOnlyFileError.self) {
      try OwnerOnlyFile.read(at.folder + "/link", atMost: 6)
    }
    #expect(throws: OwnerOnlyFileError.self) {
      try OwnerOnlyFile.write([1], to: at.folder + "/link")
    }
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: at.path)
    #expect(throws: OwnerOnlyFileError.self) { try OwnerOnlyFile.read(at.path, atMost: 6) }
    #expect(throws: OwnerOnlyFileError.self) { try OwnerOnlyFile.write([1], to: at.folder + "/") }
  }
}
