// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// What the rows about JSON are built with.
extension JSONRows {
  typealias Encoding = @Sendable ([UInt8]) -> [UInt8]

  static let encodings: [(String, Encoding)] = [
    ("UTF-8 with BOM", { [0xEF, 0xBB, 0xBF] + $0 }),
    ("UTF-16LE", { Self.utf16($0, isBigEndian: false) }),
    ("UTF-16BE", { Self.utf16($0, isBigEndian: true) }),
    ("UTF-16LE with BOM", { [0xFF, 0xFE] + Self.utf16($0, isBigEndian: false) }),
    ("UTF-16BE with BOM", { [0xFE, 0xFF] + Self.utf16($0, isBigEndian: true) }),
    ("UTF-32BE", { (text: [UInt8]) -> [UInt8] in text.flatMap { [0, 0, 0, $0] as [UInt8] } }),
    (
      "UTF-32LE with BOM",
      { (text: [UInt8]) -> [UInt8] in
        [0xFF, 0xFE, 0, 0] + text.flatMap { [$0, 0, 0, 0] as [UInt8] }
      }
    ),
  ]

  static func payload(
    _ name: String,
    _ change: @escaping @Sendable (RawObject) -> RawObject,
    twin: @escaping @Sendable (RawObject) -> RawObject = { $0 }
  ) -> AttackVariant {
    .claims(name, .tokenMalformed) { claims, _ in
      change(claims)
    } twin: { claims, _ in
      twin(claims)
    }
  }

  static func header(
    _ name: String,
    _ change: @escaping @Sendable (RawObject) -> RawObject,
    twin: @escaping @Sendable (RawObject) -> RawObject = { $0 }
  ) -> AttackVariant {
    .header(name, .tokenMalformed) { header, _ in
      change(header)
    } twin: { header, _ in
      twin(header)
    }
  }

  static func embed(_ text: String, into object: RawObject) -> RawObject {
    object.setting("more", text)
  }

  static func withBytes(_ bytes: [UInt8], _ bench: AttackBench) throws -> String {
    let text = bench.claims().setting("name", "\"@\"").text
    let claims = text.utf8.flatMap { $0 == UInt8(ascii: "@") ? bytes : [$0] }
    return try bench.token(headerBytes: Array(bench.header().text.utf8), claimsBytes: claims)
  }

  static func utf16(_ ascii: [UInt8], isBigEndian: Bool) -> [UInt8] {
    ascii.flatMap { (isBigEndian ? [0, $0] : [$0, 0]) as [UInt8] }
  }

  static func nested(_ depth: Int) -> String {
    String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
  }

  static func nestedObjects(_ depth: Int) -> String {
    String(repeating: "{\"a\":", count: depth - 1) + "{}" + String(repeating: "}", count: depth - 1)
  }

  /// The object with members added up to this number.
  static func members(_ count: Int, of object: RawObject) -> RawObject {
    RawObject(
      object.members + (object.members.count ..< count).map { (name: "m\($0)", value: "1") }
    )
  }
}
