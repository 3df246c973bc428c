// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// A secret that several tasks need: a token of OpenBao, a secret_id, a service-account token.
/// Reflection finds nothing in it.
final class HeldSecret: Sendable {
  /// The longest accepted credential, in bytes.
  static let maximumLength = 16_384

  private let bytes: SecretBytes

  /// Nil unless it is visible ASCII of a sensible length. A line end in it would add a header to a
  /// request (CWE-113).
  init?(_ bytes: some Collection<UInt8>) {
    guard (1 ... Self.maximumLength).contains(bytes.count),
      bytes.allSatisfy({ (0x21 ... 0x7E).contains($0) })
    else { return nil }
    self.bytes = SecretBytes(bytes)
  }

  /// The value for a header of one request.
  var exposedHeaderValue: String {
    self.bytes.withExposedBytes { span in
      String(decoding: span.indices.map { span[$0] }, as: UTF8.self)
    }
  }

  /// Appends the value as a JSON string.
  func append(to json: inout [UInt8]) {
    let escaped = self.bytes.withExposedBytes { span in
      var escaped: [UInt8] = []
      for index in span.indices {
        let byte = span[index]
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
          escaped.append(UInt8(ascii: "\\"))
        }
        escaped.append(byte)
      }
      return escaped
    }
    json.append(UInt8(ascii: "\""))
    json += escaped
    json.append(UInt8(ascii: "\""))
  }

  /// SHA-256 of it, to tell whether a file has another credential by now.
  var fingerprint: TokenFingerprint {
    self.bytes.withExposedBytes { TokenFingerprint(of: $0) }
  }

  func hasSameBytes(as other: HeldSecret) -> Bool {
    other.bytes.withExposedBytes { self.bytes.matches($0) }
  }
}

extension HeldSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  var description: String { "<secret, \(self.bytes.count) bytes>" }
  var debugDescription: String { self.description }
  var customMirror: Mirror { Mirror(self, children: [:]) }
}
