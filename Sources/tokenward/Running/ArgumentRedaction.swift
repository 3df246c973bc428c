// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Keeps a token that was given as an argument by mistake out of the message about that mistake:
/// standard error ends up in build logs, and the parser quotes what it did not expect.
enum ArgumentRedaction {
  /// What stands in a message instead of an argument.
  static let replacement = "<not shown>"
  private static let hint =
    "hint: an argument looks like a token; give it by --token-file or on standard input, and"
    + " replace it: arguments are visible to every user of this machine"

  /// The message without any argument that could be a token, and with a hint if there was one.
  /// - Parameters:
  ///   - message: what would be printed.
  ///   - arguments: the command line.
  ///   - isUsage: whether the parser wrote the message: then arguments that are merely long are held
  ///     for tokens, too. Messages of commands name files, whose names may be long, if not random.
  static func apply(to message: String, arguments: [String], isUsage: Bool) -> String {
    var message = Array(message.utf8)
    var hasSecret = false
    // Longest first: one argument may be part of another.
    let secrets = arguments.flatMap { self.secrets(of: $0, isUsage) }
    for secret in secrets.sorted(by: { $0.count > $1.count }) {
      let redacted = self.replacing(secret, in: message)
      hasSecret = hasSecret || redacted != message || isUsage
      message = redacted
    }
    let text = String(decoding: message, as: UTF8.self)
    return hasSecret ? "\(text)\n\(self.hint)" : text
  }

  /// An argument, and what it gives to an option after `=`, where either could be a token.
  private static func secrets(of argument: String, _ isUsage: Bool) -> [[UInt8]] {
    let bytes = Array(argument.utf8)
    var candidates = [bytes]
    if let equals = bytes.firstIndex(of: UInt8(ascii: "=")) {
      candidates.append(Array(bytes[(equals + 1)...]))
    }
    return candidates.filter {
      self.isMarked($0) || (isUsage ? self.isLong($0) : self.isRandom($0))
    }
  }

  /// A JWT begins with the base64url of `{"`, an API token with `twk_`.
  private static func isMarked(_ bytes: [UInt8]) -> Bool {
    self.contains("eyJ", in: bytes) || self.contains("twk_", in: bytes)
  }

  /// Neither a long option nor a path. A short option may have its value behind it.
  private static func isLong(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 16 && !bytes.starts(with: "--".utf8) && !bytes.contains(UInt8(ascii: "/"))
  }

  /// Like the opaque tokens of other issuers, and unlike names of files: long, letters of both cases
  /// and digits, and nothing that separates words of a path.
  private static func isRandom(_ bytes: [UInt8]) -> Bool {
    func has(_ range: ClosedRange<UInt8>) -> Bool { bytes.contains(where: range.contains) }
    return bytes.count >= 24
      && has(UInt8(ascii: "A") ... UInt8(ascii: "Z"))
      && has(UInt8(ascii: "a") ... UInt8(ascii: "z"))
      && has(UInt8(ascii: "0") ... UInt8(ascii: "9"))
      && !bytes.contains(UInt8(ascii: "/")) && !bytes.contains(UInt8(ascii: "."))
  }

  private static func contains(_ mark: String, in bytes: [UInt8]) -> Bool {
    let mark = Array(mark.utf8)
    return bytes.indices.contains { bytes[$0...].starts(with: mark) }
  }

  /// Also finds a secret that was cut short in the message.
  private static func replacing(_ secret: [UInt8], in message: [UInt8]) -> [UInt8] {
    let beginning = secret.prefix(16)
    var result: [UInt8] = []
    var index = message.startIndex
    while index < message.endIndex {
      if message[index...].starts(with: beginning) {
        result += self.replacement.utf8
        index += zip(message[index...], secret).prefix { $0 == $1 }.count
      } else {
        result.append(message[index])
        index += 1
      }
    }
    return result
  }
}
