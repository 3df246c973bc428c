// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardCore
import TokenwardTestKit

@testable import TokenwardTelemetry

@Suite("An audit record")
struct AuditRecordTests {
  private let fixture = Fixture()

  @Test("of an allowed call names who called what")
  func allowed() throws {
    let lines = try self.lines([Fixture.request(peer: "ipv4:10.0.0.7:5000")]) {
      $0.tokenID = "t-1"
      $0.clientID = "shop"
    }
    #expect(
      lines == [
        "{\"time\":\"2027-01-15T08:00:00.000Z\",\"door\":\"grpc\","
          + "\"method\":\"orders.v1.Orders/Get\",\"outcome\":\"allowed\",\"reason\":null,"
          + "\"issuer\":\"https://issuer.test\",\"subject\":\"alice\",\"token_id\":\"t-1\","
          + "\"client_id\":\"shop\",\"peer\":\"ipv4:10.0.0.7:5000\"}"
      ]
    )
  }

  @Test("of a denied call names the reason, and nobody whose credential was not good")
  func denied() throws {
    let lines = try self.lines([Fixture.request(token: nil), Fixture.request("no path")])
    #expect(
      lines == [
        "{\"time\":\"2027-01-15T08:00:00.000Z\",\"door\":\"grpc\","
          + "\"method\":\"orders.v1.Orders/Get\",\"outcome\":\"denied\","
          + "\"reason\":\"credentialMissing\",\"issuer\":null,\"subject\":null,\"token_id\":null,"
          + "\"client_id\":null,\"peer\":null}",
        "{\"time\":\"2027-01-15T08:00:00.000Z\",\"door\":\"grpc\",\"method\":null,"
          + "\"outcome\":\"denied\",\"reason\":\"methodUnlisted\","
          + "\"issuer\":\"https://issuer.test\",\"subject\":\"alice\",\"token_id\":null,"
          + "\"client_id\":null,\"peer\":null}",
      ]
    )
  }

  @Test("has no time when the clock cannot be read")
  func noClock() throws {
    self.fixture.clock.setFailed()
    let line = try #require(try self.lines([Fixture.request()]).first)
    #expect(line.hasPrefix("{\"time\":null,"))
    #expect(line.contains("\"reason\":\"clockUnavailable\""))
  }

  @Test(
    "stays one line whatever the names contain",
    arguments: [
      "a\r\n{\"outcome\":\"allowed\"}", "\u{1B}[2K\u{1B}[1Aroot", "a\u{2028}b\u{2029}c",
      "\u{202E}nimda\u{2066}", "\u{0000}\u{007F}\u{0085}", "quote\" back\\slash",
      "\u{FEFF}\u{200B}", "a\u{E0041}\u{3164}\u{206A}",
    ]
  )
  func injection(hostile: String) throws {
    let lines = try self.lines([Fixture.request(peer: hostile)]) {
      $0.subject = Subject(hostile)
      $0.tokenID = TokenID(hostile)
      $0.clientID = ClientID(hostile)
    }
    let line = try #require(lines.first)
    #expect(lines.count == 1)
    // Nothing but printable characters reaches whoever reads the file.
    #expect(!line.unicodeScalars.contains { Self.isInvisible($0) })
    let record = try JSONDecoder().decode([String: String?].self, from: Data(line.utf8))
    for field in ["subject", "token_id", "client_id", "peer"] {
      #expect((record[field] ?? nil).map { Array($0.utf8) } == Array(hostile.utf8))
    }
  }

  @Test(
    "stays one line for every string of the big list of naughty strings",
    .enabled(if: Self.corpora != nil, "set TOKENWARD_CORPORA to a folder with blns/blns.json")
  )
  func naughtyStrings() throws {
    let folder = try #require(Self.corpora)
    let data = try Data(contentsOf: URL(filePath: "\(folder)/blns/blns.json"))
    let strings = try JSONDecoder().decode([String].self, from: data)
    #expect(strings.count > 400)
    for string in strings {
      let lines = try self.lines([Fixture.request(peer: string)]) { $0.subject = Subject(string) }
      #expect(lines.count == 1)
      let line = try #require(lines.first)
      #expect(!line.unicodeScalars.contains { Self.isInvisible($0) })
      let record = try JSONDecoder().decode([String: String?].self, from: Data(line.utf8))
      guard string.utf8.count <= AuditRecord.longestValue else { continue }
      #expect((record["subject"] ?? nil).map { Array($0.utf8) } == Array(string.utf8))
    }
    print("blns: \(strings.count) strings written as one record each")
  }

  @Test(
    "cuts a name at 256 bytes and says by how much",
    arguments: [
      (String(repeating: "a", count: 256), String(repeating: "a", count: 256)),
      (String(repeating: "a", count: 257), String(repeating: "a", count: 256) + "…(+1 bytes)"),
      (String(repeating: "€", count: 100), String(repeating: "€", count: 85) + "…(+45 bytes)"),
    ]
  )
  func bounded(name: String, written: String) throws {
    let lines = try self.lines([Fixture.request()]) { $0.subject = Subject(name) }
    #expect(lines.first?.contains("\"subject\":\"\(written)\"") == true)
  }

  @Test(
    "withholds a path that looks like a token, and not a name that a rule lists",
    arguments: [
      ("/eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0/x", "\"(withheld)\""),
      ("/twk_abc_secret/x", "\"(withheld)\""),
      ("/orders.v1.Orders/Del", "\"orders.v1.Orders/Del\""),
    ]
  )
  func tokenAsPath(path: String, method: String) throws {
    let line = try #require(try self.lines([Fixture.request(path)]).first)
    #expect(line.contains("\"method\":\(method),"))
    #expect(line.contains("\"reason\":\"methodUnlisted\""))
  }

  @Test("never holds the token, whole or in part")
  func noToken() throws {
    let issuer = try TestIssuer()
    let token = try issuer.token(tokenID: "t-1", at: self.fixture.clock.moment.unix)
    let verifier = try JWTVerifier(issuers: [issuer.trusted()])
    let sink = MemorySink()
    let audit = AuditObserver(sink: sink, capacity: 16, factory: PrometheusRegistry())
    let requestGuard = try self.fixture.requestGuard([audit], verifier: verifier)
    #expect(requestGuard.decide(Fixture.request(token: token)).grant != nil)
    #expect(requestGuard.decide(Fixture.request(token: token + "x")).denial != nil)
    audit.flush()
    #expect(sink.text.contains("\"token_id\":\"t-1\""))
    for part in token.split(separator: ".") { #expect(!sink.text.contains(part)) }
  }

  @Test(
    "writes times in RFC 3339",
    arguments: [
      (0, 0, "1970-01-01T00:00:00.000Z"),
      (951_782_399, 999_999_999, "2000-02-28T23:59:59.999Z"),
      (951_782_400, 0, "2000-02-29T00:00:00.000Z"),
      (4_107_542_399, 1_000_000, "2100-02-28T23:59:59.001Z"),
      (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
      (1_735_689_599, 0, "2024-12-31T23:59:59.000Z"),
      (-1, 0, "1969-12-31T23:59:59.000Z"),
      (-86_400, 0, "1969-12-31T00:00:00.000Z"),
      (253_402_300_799, 0, "9999-12-31T23:59:59.000Z"),
      (Int64.max, 0, "9999-12-31T23:59:59.000Z"),
      (Int64.min, 0, "0000-01-01T00:00:00.000Z"),
    ]
  )
  func times(seconds: Int64, nanoseconds: Int32, text: String) {
    #expect(UnixTime(seconds: seconds, nanoseconds: nanoseconds).rfc3339 == text)
  }

  private func lines(
    _ requests: [AccessRequest],
    _ change: (inout Principal.Assertion) -> Void = { _ in }
  ) throws -> [String] {
    let sink = MemorySink()
    let audit = AuditObserver(sink: sink, capacity: 16, factory: PrometheusRegistry())
    let requestGuard = try self.fixture.requestGuard([audit], change)
    for request in requests { _ = requestGuard.decide(request) }
    audit.flush()
    return sink.lines
  }

  private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x00 ... 0x1F, 0x7F ... 0x9F, 0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x180E,
      0x200B ... 0x200F,
      0x2028 ... 0x202E, 0x2060 ... 0x206F, 0x3164, 0xFE00 ... 0xFE0F, 0xFEFF, 0xFFA0,
      0xFFF9 ... 0xFFFB, 0xE0000 ... 0xE0FFF:
      true
    default: false
    }
  }

  private static var corpora: String? {
    guard let folder = ProcessInfo.processInfo.environment["TOKENWARD_CORPORA"],
      FileManager.default.fileExists(atPath: "\(folder)/blns/blns.json")
    else { return nil }
    return folder
  }
}
