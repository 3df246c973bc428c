// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Finds the parts of YAML that a configuration does without, before the YAML parser sees the text.
///
/// Refused: anchors and aliases (ten lines of them expand to gigabytes), tags and directives (they
/// change what a value is), block texts (the usual shape of a pasted private key), quoted texts over
/// several lines, several documents, deep nesting in brackets. What is left reads the same to every
/// reader.
enum YAMLSubset {
  private static let maximumFlowDepth = ConfigurationNode.maximumDepth

  static func problems(in bytes: [UInt8]) -> [ConfigurationError.Problem] {
    if let line = self.lineOfForeignBreak(in: bytes) {
      return [
        .init(
          path: "configuration",
          problem: "line \(line): a line end other than LF or CR LF",
          hint: "remove it: YAML ends a line, and a comment, there; most editors do not show it"
        )
      ]
    }
    var scanner = Scanner()
    for (index, line) in bytes.split(
      separator: UInt8(ascii: "\n"),
      omittingEmptySubsequences: false
    )
    .enumerated() {
      scanner.scan(line, number: index + 1)
      // One broken quote can make every later line look wrong.
      if scanner.problems.count >= 20 { break }
    }
    return scanner.problems
  }

  /// CR alone, NEL, LS and PS end a line, and a comment, for the YAML parser and for no reader: a
  /// rule in what looks like a comment would count.
  private static func lineOfForeignBreak(in bytes: [UInt8]) -> Int? {
    var line = 1
    for index in bytes.indices {
      func byte(_ offset: Int) -> UInt8? {
        index + offset < bytes.count ? bytes[index + offset] : nil
      }
      switch bytes[index] {
      case 0x0A: line += 1
      case 0x0D where byte(1) != 0x0A: return line
      case 0xC2 where byte(1) == 0x85: return line
      case 0xE2 where byte(1) == 0x80 && (byte(2) == 0xA8 || byte(2) == 0xA9): return line
      default: break
      }
    }
    return nil
  }

  private struct Scanner {
    var problems: [ConfigurationError.Problem] = []
    var depth = 0

    mutating func scan(_ line: ArraySlice<UInt8>, number: Int) {
      if line.starts(with: "%".utf8) || line.starts(with: "---".utf8) && number > 1 {
        self.report(number, "a directive or a second document", "write one plain document")
      }
      var index = line.startIndex
      // Whether a value or key may begin here, so that `a*b` and `"a" # *` are no aliases.
      var mayBegin = true
      while index < line.endIndex {
        let byte = line[index]
        let next = index + 1 < line.endIndex ? line[index + 1] : UInt8(ascii: " ")
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
          break
        case UInt8(ascii: "#") where mayBegin || self.isBlank(line, before: index):
          return
        case UInt8(ascii: "["), UInt8(ascii: "{"):
          // Within brackets these open a level anywhere; outside, only where a value begins.
          if mayBegin || self.depth > 0 { self.open(number) }
          mayBegin = mayBegin || self.depth > 0
        case UInt8(ascii: "]"), UInt8(ascii: "}"):
          if self.depth > 0 { self.depth -= 1 }
          mayBegin = false
        case UInt8(ascii: ",") where self.depth > 0:
          mayBegin = true
        case UInt8(ascii: ":") where Self.isSeparator(next) || self.depth > 0:
          mayBegin = true
        case UInt8(ascii: "-") where mayBegin && Self.isSeparator(next),
          UInt8(ascii: "?") where mayBegin && Self.isSeparator(next):
          break
        case UInt8(ascii: "\"") where mayBegin, UInt8(ascii: "'") where mayBegin:
          guard let end = Self.end(ofQuoteAt: index, in: line) else {
            self.report(number, "a quoted text that does not end on its line", "close the quote")
            return
          }
          index = end
          mayBegin = false
        case UInt8(ascii: "&") where mayBegin, UInt8(ascii: "*") where mayBegin:
          self.report(
            number,
            "an anchor or an alias",
            "write the value out; quote texts with & or *"
          )
          mayBegin = false
        case UInt8(ascii: "!") where mayBegin:
          self.report(number, "a tag", "write the value without it; quote texts that begin with !")
          mayBegin = false
        case UInt8(ascii: "|") where mayBegin, UInt8(ascii: ">") where mayBegin:
          self.report(
            number,
            "a block text",
            "write texts on one line; keep keys and certificates in files of their own"
          )
          mayBegin = false
        default:
          mayBegin = false
        }
        index += 1
      }
    }

    private mutating func open(_ number: Int) {
      self.depth += 1
      if self.depth == YAMLSubset.maximumFlowDepth + 1 {
        self.report(
          number,
          "brackets deeper than \(YAMLSubset.maximumFlowDepth) levels",
          "flatten it"
        )
      }
    }

    private mutating func report(_ line: Int, _ problem: String, _ hint: String) {
      self.problems.append(
        .init(path: "configuration", problem: "line \(line): \(problem)", hint: hint)
      )
    }

    private func isBlank(_ line: ArraySlice<UInt8>, before index: Int) -> Bool {
      index == line.startIndex || Self.isSeparator(line[index - 1])
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
      byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    /// Where a quoted text ends; nil if not on this line.
    private static func end(ofQuoteAt start: Int, in line: ArraySlice<UInt8>) -> Int? {
      let quote = line[start]
      var index = start + 1
      while index < line.endIndex {
        if quote == UInt8(ascii: "\""), line[index] == UInt8(ascii: "\\") {
          index += 2
        } else if line[index] != quote {
          index += 1
        } else if quote == UInt8(ascii: "'"), index + 1 < line.endIndex, line[index + 1] == quote {
          index += 2
        } else {
          return index
        }
      }
      return nil
    }
  }
}
