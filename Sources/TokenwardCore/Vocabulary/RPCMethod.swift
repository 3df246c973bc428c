// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The full name of an RPC method, `package.Service/Method`, known to follow the grammar
/// `[A-Za-z0-9_.]+/[A-Za-z0-9_]+`.
///
/// A path outside that grammar is never decoded, normalised or matched: percent-encoding, double
/// slashes, dot segments, queries and look-alike characters are how a router and the policy in
/// front of it come to disagree (CVE-2026-33186, CVE-2021-29492).
public struct RPCMethod: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The longest accepted name, in bytes.
  public static let maximumLength = 1_024

  /// `/package.Service/Method`: kept as it came, so that a request costs no copy of it.
  public let path: String
  private let serviceLength: Int

  /// Reads an HTTP/2 `:path`: a slash, a service, a slash, a method, and nothing else.
  /// Answers nil for every other sequence of bytes.
  public init?(path: String) {
    let bytes = path.utf8.span
    guard bytes.count <= Self.maximumLength + 1, bytes.count > 1, bytes[0] == UInt8(ascii: "/")
    else { return nil }
    var slash: Int?
    for index in 1 ..< bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "/"):
        guard slash == nil, index > 1 else { return nil }
        slash = index
      case UInt8(ascii: "."):
        guard slash == nil else { return nil }
      case UInt8(ascii: "A") ... UInt8(ascii: "Z"), UInt8(ascii: "a") ... UInt8(ascii: "z"),
        UInt8(ascii: "0") ... UInt8(ascii: "9"), UInt8(ascii: "_"):
        continue
      default:
        return nil
      }
    }
    guard let slash, slash < bytes.count - 1 else { return nil }
    self.path = path
    self.serviceLength = slash - 1
  }

  /// Reads `package.Service/Method`. Answers nil for every other sequence of bytes.
  public init?(fullName: String) {
    self.init(path: "/\(fullName)")
  }

  /// `package.Service/Method`, without a leading slash.
  public var fullName: String {
    String(decoding: self.path.utf8.dropFirst(), as: UTF8.self)
  }

  /// `package.Service`.
  public var service: String {
    String(decoding: self.path.utf8.dropFirst().prefix(self.serviceLength), as: UTF8.self)
  }

  /// The method's name within its service.
  public var name: String {
    String(decoding: self.path.utf8.dropFirst(self.serviceLength + 2), as: UTF8.self)
  }

  /// Whether a router that chose this route runs this method, byte for byte.
  func isRun(by route: AccessRequest.Route) -> Bool {
    let bytes = self.path.utf8.span
    let service = route.service.utf8.span
    let method = route.method.utf8.span
    guard service.count == self.serviceLength, bytes.count == service.count + method.count + 2
    else {
      return false
    }
    return bytes.extracting(1 ..< service.count + 1).hasSameBytes(as: service)
      && bytes.extracting(service.count + 2 ..< bytes.count).hasSameBytes(as: method)
  }

  /// ``fullName``; `(withheld)` if it looks like a token.
  public var description: String { self.looksLikeToken ? "(withheld)" : self.fullName }

  /// A confused client may send its token as the path, where the grammar lets parts of a JWT or a
  /// whole API token through. Such a name is not written anywhere unless a rule names it.
  package var looksLikeToken: Bool {
    self.path.utf8.contains("eyJ".utf8) || self.path.utf8.contains("twk_".utf8)
  }

  /// Whether the names are the same bytes.
  public static func == (lhs: Self, rhs: Self) -> Bool {
    lhs.path.hasSameBytes(as: rhs.path)
  }

  /// The order of the names' bytes.
  public static func < (lhs: Self, rhs: Self) -> Bool {
    lhs.path.utf8.lexicographicallyPrecedes(rhs.path.utf8)
  }

  /// Hashes the bytes of the name.
  public func hash(into hasher: inout Hasher) { self.path.hashBytes(into: &hasher) }
}
