// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// The issuer as an address: where clients find everything else of it (RFC 8414 §2).
struct IssuerAddress: Sendable, Hashable {
  /// Scheme and host, `https://auth.example.com:8443`.
  let origin: String
  /// Empty, or a path without a slash at its end.
  let path: String
  /// The issuer as it is.
  let issuer: Issuer

  /// - Throws: `ConfigurationError` for an issuer that is no address, has a query or a fragment
  ///   (RFC 8414 §2), or a path that two readers could take for different ones.
  init(_ issuer: Issuer) throws(ConfigurationError) {
    func fail(_ problem: String) -> ConfigurationError {
      ConfigurationError([
        .init(
          path: "authority.issuer",
          problem: problem,
          hint: "write it like https://auth.example.com or https://example.com/auth"
        )
      ])
    }
    let text = issuer.text
    let schemes = ["https://", "http://"]
    guard let scheme = schemes.first(where: { text.utf8.starts(with: $0.utf8) }) else {
      throw fail("is no https address, so no client could find its keys")
    }
    let rest = Array(text.utf8.dropFirst(scheme.utf8.count))
    let slash = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.count
    let host = rest[..<slash]
    guard !host.isEmpty, host.allSatisfy(Self.isHost) else { throw fail("names no host") }
    var path = rest[slash...]
    // The slash at its end does not count (RFC 8414 §3.1).
    if path.last == UInt8(ascii: "/") { path.removeLast() }
    let segments = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard
      segments.dropFirst().allSatisfy({ segment in
        !segment.isEmpty && segment.allSatisfy(Self.isPath) && !segment.elementsEqual(".".utf8)
          && !segment.elementsEqual("..".utf8)
      })
    else { throw fail("has a path with other than letters, digits and - . _ ~, or a query") }
    self.origin = scheme + String(decoding: host, as: UTF8.self)
    self.path = String(decoding: path, as: UTF8.self)
    self.issuer = issuer
  }

  /// The address of something behind the issuer's path.
  func url(_ suffix: String) -> String { self.origin + self.path + suffix }

  /// Where a document of a well-known name is asked for: appended to the issuer (OpenID Connect
  /// Discovery §4), and inserted before its path (RFC 8414 §3.1). The same for an issuer without one.
  func wellKnownPaths(_ name: String) -> [String] {
    let appended = "\(self.path)/.well-known/\(name)"
    return self.path.isEmpty ? [appended] : [appended, "/.well-known/\(name)\(self.path)"]
  }

  private static func isHost(_ byte: UInt8) -> Bool {
    Self.isPath(byte) && byte != UInt8(ascii: "~") && byte != UInt8(ascii: "_")
      || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "]")
  }

  private static func isPath(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A") ... UInt8(ascii: "Z"), UInt8(ascii: "a") ... UInt8(ascii: "z"),
      UInt8(ascii: "0") ... UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"), UInt8(ascii: "~"):
      true
    default: false
    }
  }
}
