// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// The parameters of a request in `application/x-www-form-urlencoded` (RFC 6749 appendix B), read so
/// that no two readers could take it for different requests: every name once (RFC 6749 §3.2), every
/// escape whole, every value UTF-8 without control characters, and bounded in every direction.
///
/// Values are secrets more often than not, so nothing of it can be printed.
struct FormBody: Sendable {
  /// The longest body, in bytes.
  static let maximumLength = 16_384
  /// Most parameters of one body.
  static let maximumCount = 128

  /// Why a body is no form.
  enum Problem: Error, Hashable {
    /// Not in the form, or too many parameters.
    case malformed
    /// A parameter twice that may be there once.
    case repeated
  }

  private var parameters: [(name: String, value: String)] = []

  /// - Parameters:
  ///   - body: the whole body.
  ///   - repeatable: the parameters that may be there more than once.
  init(_ body: Span<UInt8>, repeatable: [String]) throws(Problem) {
    guard body.count <= Self.maximumLength else { throw .malformed }
    guard !body.isEmpty else { return }
    var start = 0
    for index in 0 ... body.count {
      guard index == body.count || body[index] == UInt8(ascii: "&") else { continue }
      let (name, value) = try Self.parameter(body.extracting(start ..< index))
      start = index + 1
      guard self.parameters.count < Self.maximumCount else { throw .malformed }
      if !repeatable.contains(where: name.hasSameBytes(as:)) {
        guard !self.parameters.contains(where: { $0.name.hasSameBytes(as: name) }) else {
          throw .repeated
        }
      }
      self.parameters.append((name, value))
    }
  }

  /// Whether a parameter is there, empty or not.
  func contains(_ name: String) -> Bool {
    self.parameters.contains { $0.name.hasSameBytes(as: name) }
  }

  /// The value of a parameter; nil if it is not there or empty, which is the same (RFC 6749 §3.2).
  func value(_ name: String) -> String? {
    let value = self.parameters.first { $0.name.hasSameBytes(as: name) }?.value
    return value.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Every value of a parameter that may be there more than once, empty ones too.
  func values(_ name: String) -> [String] {
    self.parameters.filter { $0.name.hasSameBytes(as: name) }.map(\.value)
  }

  private static func parameter(_ bytes: Span<UInt8>) throws(Problem) -> (String, String) {
    var equals = 0
    while equals < bytes.count, bytes[equals] != UInt8(ascii: "=") { equals += 1 }
    // Without `=`, or without a name: somebody splits it elsewhere.
    guard equals > 0, equals < bytes.count else { throw .malformed }
    guard let name = Self.decoded(bytes.extracting(0 ..< equals)),
      let value = Self.decoded(bytes.extracting(equals + 1 ..< bytes.count))
    else { throw .malformed }
    return (name, value)
  }

  /// Takes the escapes out of one name or value; nil for what is not escaped as it must be.
  static func decoded(_ bytes: Span<UInt8>) -> String? {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      switch byte {
      case UInt8(ascii: "+"):
        decoded.append(UInt8(ascii: " "))
      case UInt8(ascii: "%"):
        guard index + 2 <= bytes.count, let high = Self.digit(bytes[index]),
          let low = Self.digit(bytes[index + 1])
        else { return nil }
        let escaped = high << 4 | low
        // A NUL or a line break cuts or forges whatever it is written into (CWE-117).
        guard escaped >= 0x20, escaped != 0x7F else { return nil }
        decoded.append(escaped)
        index += 2
      // A second `=`, a space or a byte outside ASCII had to be escaped.
      case UInt8(ascii: "="), UInt8(ascii: "&"), 0 ... 0x20, 0x7F...: return nil
      default: decoded.append(byte)
      }
    }
    return String(validating: decoded, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0") ... UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "A") ... UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a") ... UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}

extension FormBody: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// How many parameters, and nothing of them.
  var description: String { "<form, \(self.parameters.count) parameters>" }
  var debugDescription: String { self.description }
  var customMirror: Mirror { Mirror(self, children: [:]) }
}
