// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Logging
import Synchronization
import Testing
import TokenwardTestKit

@testable import TokenwardService

@Suite("A log line")
struct LineLogHandlerTests {
  @Test("has time, level, message and values, for people and for collectors")
  func formats() {
    #expect(
      self.log(.text) { $0.warning("disk is full", metadata: ["path": "/a b", "free": "0"]) }
        == "2027-01-15T08:00:00.000Z warning disk is full free=\"0\" path=\"/a b\"\n"
    )
    #expect(
      self.log(.json) { $0.info("listening", metadata: ["port": "1"]) }
        == "{\"time\":\"2027-01-15T08:00:00.000Z\",\"level\":\"info\",\"logger\":\"test\","
        + "\"message\":\"listening\",\"meta.port\":\"1\"}\n"
    )
  }

  @Test("stays one line whatever it holds", arguments: LogFormat.allCases)
  func injection(format: LogFormat) throws {
    let hostile = "a\r\nforged\u{1B}[2J\u{2028}\u{202E}\"\\"
    let line = self.log(format) { logger in
      logger.error("\(hostile)", metadata: ["\(hostile)": "\(hostile)", "message": "x"])
    }
    #expect(line.utf8.count { $0 == UInt8(ascii: "\n") } == 1)
    #expect(!line.unicodeScalars.dropLast().contains { $0.value < 0x20 })
    #expect(!line.unicodeScalars.contains("\u{202E}") && !line.unicodeScalars.contains("\u{2028}"))
    guard format == .json else { return }
    let object = try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
    #expect((object["message"]).map { Array($0.utf8) } == Array(hostile.utf8))
    #expect(object["meta.message"] == "x")
  }

  @Test("is written from the configured level on")
  func level() {
    #expect(self.log(.text) { $0.debug("quiet") } == "")
    #expect(self.log(.text) { $0.info("loud") } != "")
  }

  private func log(_ format: LogFormat, _ body: (Logger) -> Void) -> String {
    let output = Output()
    let logger = Logger(label: "test") { label in
      LineLogHandler(label: label, format: format, time: ManualClock()) { output.append($0) }
    }
    body(logger)
    return output.text
  }

  private final class Output: Sendable {
    private let bytes = Mutex<[UInt8]>([])
    func append(_ more: [UInt8]) { self.bytes.withLock { $0 += more } }
    var text: String { String(decoding: self.bytes.withLock { $0 }, as: UTF8.self) }
  }
}
