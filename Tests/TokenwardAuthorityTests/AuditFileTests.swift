// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

/// What is written, by whom it can be read, and how a chain goes on.
@Suite struct AuditFileTests {
  @Test("an event is one line of JSON with always the same members")
  func line() async throws {
    let bench = try AuditBench()
    let trail = try bench.open()
    var event = AuditEvent(.revokeToken, .refused, at: UnixTime(seconds: 1_800_000_000))
    event.actor = "0123456789abcdef"
    event.reason = "lost \"laptop\""
    event.details = ["b": "2", "a": "1"]
    try await trail.record(event)
    let lines = try bench.lines().map { String(decoding: $0, as: UTF8.self) }
    let zeros = String(repeating: "A", count: 43)
    #expect(lines[0].hasPrefix(#"{"seq":1,"prev":"\#(zeros)","key":null,"time":"2027-01-15T08:00"#))
    #expect(lines[0].contains(#""action":"audit.start","outcome":"allowed","actor":null"#))
    #expect(
      lines[1].contains(
        #""time":"2027-01-15T08:00:00.000Z","action":"token.revoke","outcome":"refused","#
          + #""actor":"0123456789abcdef","subject":null,"tenant":null,"owner":null,"token":null,"#
          + #""target":null,"reason":"lost \"laptop\"","peer":null,"details":{"a":"1","b":"2"},"hash""#
      )
    )
    #expect(lines.count == 2)
  }

  static let injections = [
    "a\r\nb", "a\n{\"seq\":9}", "\u{1B}[2J", "\u{2028}x\u{2029}", "\u{202E}evil", "\u{85}", "\u{0}",
    "\u{7F}\u{9B}", "\"},\"x\":{\"", "\\", "\u{FEFF}", "\u{200B}\u{2066}", "\u{E0041}",
  ]

  @Test("text of strangers cannot forge a line (L02)", arguments: injections)
  func injection(text: String) async throws {
    let bench = try AuditBench()
    let trail = try bench.open()
    var event = AuditEvent(.exchange, .refused, at: UnixTime(seconds: 1))
    event.actor = TokenID(text)
    event.actorSubject = Subject(text)
    event.tenant = Tenant(text)
    event.owner = Owner(text)
    event.token = TokenID(text)
    event.target = text
    event.reason = text
    event.peer = text
    event.details = [text: text]
    try await trail.record(event)
    let lines = try bench.lines()
    #expect(lines.count == 2)
    let line = String(decoding: lines[1], as: UTF8.self)
    for scalar in line.unicodeScalars {
      #expect((0x20 ..< 0x7F).contains(scalar.value))
    }
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(lines[1])) as? [String: Any]
    )
    #expect((object["reason"] as? String)?.utf8.elementsEqual(text.utf8) == true)
    #expect(object.keys.count == 16)
    #expect(try bench.verify().records == 2)
  }

  @Test("what looks like a token is withheld, wherever it stands")
  func withheld() async throws {
    let bench = try AuditBench()
    let trail = try bench.open()
    let token = "twk_0123456789abcdef_secretsecretsecret"
    let jwt = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJzZWNyZXQifQ.secret"
    for text in [token, jwt, "x" + token, "Bearer " + jwt] {
      var event = AuditEvent(.createToken, .refused, at: UnixTime(seconds: 1))
      event.actor = TokenID(text)
      event.actorSubject = Subject(text)
      event.tenant = Tenant(text)
      event.owner = Owner(text)
      event.token = TokenID(text)
      event.target = text
      event.reason = text
      event.peer = text
      event.details = [text: text, text + "2": "kept"]
      try await trail.record(event)
    }
    // Names that only begin like one are what they are.
    var honest = AuditEvent(.createToken, .allowed, at: UnixTime(seconds: 1))
    honest.owner = "heyJude"
    honest.token = "abceyJdef0123456"
    try await trail.record(honest)
    let text = String(decoding: try bench.bytes(), as: UTF8.self)
    #expect(!text.contains("secret"))
    #expect(!text.contains("twk_"))
    #expect(!text.contains("eyJh"))
    #expect(text.contains("kept"))
    #expect(text.contains("heyJude"))
    #expect(text.contains("abceyJdef0123456"))
    #expect(try bench.verify().records == 6)
  }

  @Test("texts and details without end are cut, and say by how much")
  func bounded() async throws {
    let bench = try AuditBench()
    let trail = try bench.open()
    var event = AuditBench.event()
    event.reason = String(repeating: "\u{1B}", count: 1_000_000)
    for number in 0 ..< 1_000 {
      event.details["name\(number)" + String(repeating: "\u{202E}", count: 1_000)] =
        String(repeating: "\u{1}", count: 1_000)
    }
    try await trail.record(event)
    let lines = try bench.lines()
    #expect(lines[1].count < 262_144)
    #expect(String(decoding: lines[1], as: UTF8.self).contains("(+999488 bytes)"))
    #expect(try bench.verify().records == 2)
  }

  @Test("the files are the owner's alone, and a second process is refused")
  func exclusive() async throws {
    let bench = try AuditBench()
    var trail: ChainedAuditFile? = try bench.open()
    try await trail?.record(AuditBench.event())
    for path in [bench.path, bench.head] {
      let attributes = try FileManager.default.attributesOfItem(atPath: path)
      #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
    let error = #expect(throws: AuditTrailError.self) { try bench.open() }
    #expect(error?.problem.contains("another process") == true)
    // Also under a new name of the file.
    try FileManager.default.moveItem(atPath: bench.path, toPath: bench.path + ".1")
    #expect(throws: AuditTrailError.self) { try bench.open() }
    #expect(!FileManager.default.fileExists(atPath: bench.path))
    try FileManager.default.moveItem(atPath: bench.path + ".1", toPath: bench.path)
    await trail?.close()
    trail = nil
    #expect(throws: Never.self) { try bench.open() }
  }

  struct Place: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let problem: String
    let make: @Sendable (AuditBench) throws -> Void
  }

  static let places = [
    Place(testDescription: "readable by others", problem: "chmod 600") { bench in
      try bench.replace([])
      chmod(bench.path, 0o644)
    },
    Place(testDescription: "a head that is writable by others", problem: "chmod 600") { bench in
      try bench.replace([], bench.head)
      chmod(bench.head, 0o622)
    },
    Place(testDescription: "a link", problem: "is a link") { bench in
      try bench.replace([], bench.folder + "/elsewhere")
      symlink(bench.folder + "/elsewhere", bench.path)
    },
    Place(testDescription: "a head that is a link", problem: "is a link") { bench in
      try bench.replace([], bench.folder + "/elsewhere")
      symlink(bench.folder + "/elsewhere", bench.head)
    },
    Place(testDescription: "a second name", problem: "second name") { bench in
      try bench.replace([])
      link(bench.path, bench.folder + "/elsewhere")
    },
    Place(testDescription: "a pipe", problem: "regular file") { mkfifo($0.path, 0o600) },
    Place(testDescription: "a folder", problem: "cannot open") { mkdir($0.path, 0o700) },
    Place(testDescription: "in a folder of all", problem: "chmod go-w") { chmod($0.folder, 0o777) },
    Place(testDescription: "in a folder of a group", problem: "chmod go-w") { bench in
      chmod(bench.folder, 0o770)
    },
    Place(testDescription: "in no folder", problem: "is no folder") { rmdir($0.folder) },
    Place(testDescription: "somebody else's", problem: "another user") { bench in
      try bench.replace([])
      guard geteuid() == 0 else { return symlink("/dev/null", bench.path) == 0 ? () : () }
      chown(bench.path, 65_534, 65_534)
    },
  ]

  @Test(
    "a file that others could write or exchange is refused",
    .enabled(if: geteuid() == 0, "giving a file to another user takes root"),
    arguments: places
  )
  func refused(place: Place) throws {
    let bench = try AuditBench()
    try place.make(bench)
    let error = #expect(throws: AuditTrailError.self) { try bench.open() }
    #expect(error?.problem.contains(place.problem) == true, "\(error?.problem ?? "")")
  }

  @Test("a thousand records at once are all there, without a gap")
  func concurrent() async throws {
    let bench = try AuditBench()
    let keys = [try AuditBench.key()]
    let trail = try bench.open(keys)
    try await withThrowingTaskGroup { group in
      for number in 0 ..< 1_000 {
        group.addTask { try await trail.record(AuditBench.event(number)) }
      }
      try await group.waitForAll()
    }
    await trail.close()
    let summary = try bench.verify(keys)
    #expect(summary.records == 1_001)
    #expect(summary.end == .confirmed)
    let text = String(decoding: try bench.bytes(), as: UTF8.self)
    for number in 0 ..< 1_000 { #expect(text.contains("\"token\":\"token\(number)\"")) }
    await #expect(throws: AuditTrailError.self) { try await trail.record(AuditBench.event()) }
  }

  @Test("a chain goes on in a new file after the old one was renamed")
  func rotated() async throws {
    let bench = try AuditBench()
    let keys = [try AuditBench.key()]
    let trail = try bench.open(keys)
    for number in 0 ..< 3 { try await trail.record(AuditBench.event(number)) }
    try await trail.reopen()
    #expect(try bench.lines().count == 4)
    let paths = (1 ... 3).map { bench.path + ".\($0)" }
    for path in paths {
      try FileManager.default.moveItem(atPath: bench.path, toPath: path)
      // What comes before the new file is opened is still in the old one.
      try await trail.record(AuditBench.event())
      try await trail.reopen()
      try await trail.record(AuditBench.event())
    }
    await trail.close()
    let all = try AuditChain.verify(paths + [bench.path], keys: keys)
    #expect(all.records == 13)
    #expect(all.firstSequence == 1)
    #expect(all.end == .confirmed)
    // One missing, two exchanged, or one twice is found.
    for wrong in [
      [paths[0], paths[2], bench.path], [paths[1], paths[0], paths[2], bench.path],
      [paths[0], paths[1], paths[1], paths[2], bench.path],
    ] {
      #expect(throws: AuditProblem.self) { try AuditChain.verify(wrong, keys: keys) }
    }
    // Older ones that are not given show in the number.
    #expect(try bench.verify(keys).firstSequence == 12)
    #expect(try AuditChain.verify([paths[0]], keys: keys).end == .unconfirmed)
    // And in a process that finds the file renamed.
    try FileManager.default.moveItem(atPath: bench.path, toPath: bench.path + ".4")
    try await bench.write(1, keys)
    let more = try AuditChain.verify(paths + [bench.path + ".4", bench.path], keys: keys)
    #expect(more.records == 15)
  }

  @Test("a new file that cannot be used leaves the old one in use")
  func badRotation() async throws {
    let bench = try AuditBench()
    let trail = try bench.open()
    try FileManager.default.moveItem(atPath: bench.path, toPath: bench.path + ".1")
    symlink("/dev/null", bench.path)
    await #expect(throws: AuditTrailError.self) { try await trail.reopen() }
    try await trail.record(AuditBench.event())
    try FileManager.default.removeItem(atPath: bench.path)
    // Nor one with records of another chain.
    let other = try AuditBench()
    other.clock.advance(by: 60)
    try await other.write(2)
    try bench.replace(other.bytes())
    await #expect(throws: AuditTrailError.self) { try await trail.reopen() }
    try await trail.record(AuditBench.event())
    try FileManager.default.removeItem(atPath: bench.path)
    try await trail.reopen()
    await trail.close()
    #expect(try AuditChain.verify([bench.path + ".1", bench.path]).records == 4)
  }
}
