// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Prints a JSON text of a stranger for a reader: indented for people or on one line for programs,
/// with every character escaped that could move a terminal's cursor or reverse its text.
enum JSONPrinter {
  /// - Parameters:
  ///   - document: a text that the strict reader has accepted.
  ///   - isIndented: whether members stand on lines of their own.
  static func print(_ document: JSONDocument, isIndented: Bool) -> String {
    var scanner = JSONScanner(document.bytes)
    var text: [UInt8] = []
    var depth = 0

    func breakLine() {
      guard isIndented else { return }
      text.append(UInt8(ascii: "\n"))
      text += [UInt8](repeating: UInt8(ascii: " "), count: 2 * max(0, depth))
    }

    scanner.skipSpace()
    while !scanner.isAtEnd {
      if let range = scanner.string() {
        Self.append(string: document.bytes[range], to: &text)
      } else if let word = scanner.word(from: scanner.position) {
        text += document.bytes[word]
      } else if let byte = scanner.take() {
        let isEmpty = text.last == UInt8(ascii: "{") || text.last == UInt8(ascii: "[")
        switch byte {
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
          depth -= 1
          if !isEmpty { breakLine() }
          text.append(byte)
        case UInt8(ascii: ":"):
          text += isIndented ? ": ".utf8 : ":".utf8
        default:
          text.append(byte)
          if byte != UInt8(ascii: ",") { depth += 1 }
          scanner.skipSpace()
          if !scanner.isAtClosingBracket { breakLine() }
        }
      }
      scanner.skipSpace()
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static func append(string piece: ArraySlice<UInt8>, to text: inout [UInt8]) {
    let limits = JSONLimits(bytes: piece.count)
    guard let document = try? JSONDocument(Array(piece), limits: limits),
      let string = document.string(document.root)
    else { return }
    JSONText.append(quoted: string, to: &text)
  }
}

extension JSONScanner {
  fileprivate var isAtClosingBracket: Bool {
    guard self.position < self.bytes.count else { return false }
    let byte = self.bytes[self.position]
    return byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]")
  }
}
