// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC

/// Bytes that somebody made by hand (protobuf encoding, "Message Structure").
@Suite("The bytes of a denial's details")
struct DenialDetailsParserTests {
  static let errorInfo = "type.googleapis.com/google.rpc.ErrorInfo"
  static let retryInfo = "type.googleapis.com/google.rpc.RetryInfo"

  /// A field of bytes.
  static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    precondition(bytes.count < 0x80)
    return [number << 3 | 2, UInt8(bytes.count)] + bytes
  }

  /// A detail of a status.
  static func detail(_ type: String, _ content: [UInt8], _ after: [UInt8] = []) -> [UInt8] {
    Self.field(3, Self.field(1, Array(type.utf8)) + Self.field(2, content) + after)
  }

  static let text = Self.field(1, Array("R".utf8))
  static let good = Self.detail(Self.errorInfo, Self.text + Self.field(2, Array("d".utf8)))

  static func retry(_ duration: [UInt8], _ after: [UInt8] = []) -> [UInt8] {
    Self.detail(Self.retryInfo, Self.field(1, duration) + after)
  }

  static let tenBytes = [UInt8](repeating: 0x80, count: 9) + [0x01]
  /// Every number but the largest of its length: ends in the tenth byte.
  static let minusOne = [UInt8](repeating: 0xFF, count: 9) + [0x01]

  static let harmless: [(String, [UInt8])] = [
    ("nothing", []),
    ("a number", [0x20, 0x05]),
    ("the longest number", [0x20] + minusOne),
    ("eight bytes", [0x21] + [UInt8](repeating: 0, count: 8)),
    ("four bytes", [0x25] + [UInt8](repeating: 0, count: 4)),
    ("bytes", field(4, [1, 2, 3])),
    ("a number where details are expected", [0x18, 0x05]),
    ("a message", field(2, Array("text".utf8))),
    ("details of another kind", detail("type.googleapis.com/google.rpc.Help", [0xFF])),
    ("a name that begins like ours", detail(errorInfo + "s", text)),
    ("a name that ends before ours", detail(String(retryInfo.dropLast()), [0xFF])),
  ]

  @Test("may have other well-formed fields around them", arguments: Self.harmless)
  func surrounded(_ name: String, _ bytes: [UInt8]) {
    for whole in [Self.good + bytes, bytes + Self.good] {
      let details = DenialDetails(statusDetails: whole)
      #expect(details?.reason == "R", "\(name)")
      #expect(details?.domain == "d", "\(name)")
      #expect(details?.retryAfter == nil, "\(name)")
    }
  }

  static let malformed: [(String, [UInt8])] = [
    ("field number zero", [0x00, 0x05]),
    ("a group", [0x23]),
    ("the end of a group", [0x24]),
    ("a wire type that does not exist", [0x26]),
    ("a number without an end", [0x20, 0x80]),
    ("a number of eleven bytes", [0x20] + [UInt8](repeating: 0x80, count: 10) + [0x01]),
    ("a tag without a value", [0x20]),
    ("seven of eight bytes", [0x21] + [UInt8](repeating: 0, count: 7)),
    ("three of four bytes", [0x25] + [UInt8](repeating: 0, count: 3)),
    ("two of three bytes", [0x22, 0x03, 0x01, 0x02]),
    ("bytes without a length", [0x22]),
    ("a length beyond every buffer", [0x22] + minusOne),
    ("a length of half the range", [0x22] + tenBytes),
    ("a second reason", good),
    ("details that are cut short", field(3, field(1, Array(errorInfo.utf8)) + [0x12, 0x05])),
    ("details without a type", field(3, field(2, text))),
    ("a type that is no text", field(3, field(1, [0xFF]) + field(2, text))),
    ("details with something broken behind", detail("x", [], [0x20])),
    ("retry details with something broken behind", detail(retryInfo, [], [0x20])),
    ("two delays", retry([0x08, 0x05]) + retry([0x08, 0x05])),
    ("a broken delay", retry([0x08])),
    ("a delay with something broken behind", retry([0x08, 0x05, 0x18])),
    ("a delay and something broken beside it", retry([0x08, 0x05], [0x10])),
    ("a negative delay", retry([0x08] + minusOne)),
    ("negative nanoseconds", retry([0x08, 0x05, 0x10] + minusOne)),
    // 1,000,000,000
    ("nanoseconds of a second", retry([0x08, 0x05, 0x10, 0x80, 0x94, 0xEB, 0xDC, 0x03])),
  ]

  @Test(
    "are refused as a whole if anything in them is broken or doubled",
    arguments: Self.malformed
  )
  func broken(_ name: String, _ bytes: [UInt8]) {
    #expect(DenialDetails(statusDetails: Self.good + bytes) == nil, "\(name)")
  }

  static let reasons: [(String, [UInt8])] = [
    ("no reason", field(2, Array("d".utf8))),
    ("a reason that is no text", field(1, [0xFF])),
    ("a domain that is no text", text + field(2, [0xC3])),
    ("something broken behind", text + [0x18]),
  ]

  @Test(
    "are refused if their reason cannot be read, even beside another one",
    arguments: Self.reasons
  )
  func reason(_ name: String, _ content: [UInt8]) {
    let broken = Self.detail(Self.errorInfo, content)
    #expect(DenialDetails(statusDetails: broken) == nil, "\(name)")
    #expect(DenialDetails(statusDetails: broken + Self.good) == nil, "\(name)")
    #expect(DenialDetails(statusDetails: Self.good + broken) == nil, "\(name)")
  }

  @Test("name a delay of at most a day, fractions included")
  func delays() {
    func delay(_ duration: [UInt8]) -> Duration? {
      DenialDetails(statusDetails: Self.good + Self.retry(duration))?.retryAfter
    }
    let day: [UInt8] = [0x08, 0x80, 0xA3, 0x05]
    // 999,999,999
    let almostASecond: [UInt8] = [0x10, 0xFF, 0x93, 0xEB, 0xDC, 0x03]
    #expect(delay([]) == .zero)
    #expect(delay([0x08, 0x05]) == .seconds(5))
    #expect(delay([0x08, 0x05] + almostASecond) == .seconds(6) - .nanoseconds(1))
    #expect(delay(day) == .seconds(86_400))
    #expect(delay(day + almostASecond) == .seconds(86_400))
  }

  @Test("are not read beyond their longest length")
  func length() {
    let filler = DenialDetails.maximumLength - Self.good.count
    for (count, isRead) in [(filler / 2 * 2, true), (filler / 2 * 2 + 2, false)] {
      let padding = (0 ..< count).map { $0.isMultiple(of: 2) ? UInt8(0x20) : 0 }
      let details = DenialDetails(statusDetails: Self.good + padding)
      #expect((details != nil) == isRead)
    }
  }
}
