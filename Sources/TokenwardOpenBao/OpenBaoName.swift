// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The grammar of what becomes a part of an address.
enum OpenBaoName {
  /// The longest mount, path or namespace, in bytes.
  static let maximumLength = 512

  static let grammar =
    "letters, digits, and . _ - in parts between single slashes, without one at the ends"

  /// Whether a mount, path or namespace is one or more parts of harmless bytes. There is no `..`
  /// that a server or proxy resolves, no percent sign that is decoded once more or once less than
  /// expected, no query and no empty part, for which OpenBao answers with a redirect.
  static func isPath(_ text: String) -> Bool {
    guard (1 ... Self.maximumLength).contains(text.utf8.count) else { return false }
    return text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      .allSatisfy { part in
        !part.isEmpty && part.allSatisfy(Self.isPathByte)
          && part.contains { $0 != UInt8(ascii: ".") }
      }
  }

  private static func isPathByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a") ... UInt8(ascii: "z"), UInt8(ascii: "A") ... UInt8(ascii: "Z"),
      UInt8(ascii: "0") ... UInt8(ascii: "9"):
      true
    default: "._-".utf8.contains(byte)
    }
  }

  /// Whether a field or role can be written into JSON and messages: text without controls.
  static func isLabel(_ text: String) -> Bool {
    (1 ... 256).contains(text.utf8.count)
      && text.unicodeScalars.allSatisfy { scalar in
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned: false
        default: true
        }
      }
  }

  /// Whether a text looks like the name of an environment variable, which is where secrets are not
  /// taken from.
  static func looksLikeEnvironment(_ text: String) -> Bool {
    let lower = text.utf8.prefix(4).map { (65 ... 90).contains($0) ? $0 + 32 : $0 }
    return text.utf8.first == UInt8(ascii: "$") || lower.elementsEqual("env:".utf8)
  }
}
