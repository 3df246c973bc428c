// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// A name that is compared, ordered and hashed by its UTF-8 bytes.
///
/// Swift's `String` compares by Unicode canonical equivalence, so `"\u{212A}ey" == "Key"` is true
/// (U+212A is the Kelvin sign). A policy that compared names that way could be entered with bytes
/// that no rule names. Every name that takes part in a decision therefore has a type of its own
/// that conforms to this protocol.
public protocol ByteComparedText:
  Hashable, Comparable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral
{
  /// The name itself.
  var text: String { get }

  /// Wraps a name without changing it.
  init(_ text: String)
}

extension ByteComparedText {
  /// Wraps a literal without changing it.
  public init(stringLiteral value: String) { self.init(value) }

  /// The name itself.
  public var description: String { self.text }

  /// Whether both names have the same UTF-8 bytes.
  public static func == (lhs: Self, rhs: Self) -> Bool {
    lhs.text.hasSameBytes(as: rhs.text)
  }

  /// Orders names by their UTF-8 bytes.
  public static func < (lhs: Self, rhs: Self) -> Bool {
    lhs.text.utf8.lexicographicallyPrecedes(rhs.text.utf8)
  }

  /// Hashes the UTF-8 bytes.
  public func hash(into hasher: inout Hasher) { self.text.hashBytes(into: &hasher) }
}

extension String {
  /// Byte equality, whatever the Unicode equivalence of the two strings.
  package func hasSameBytes(as other: String) -> Bool {
    let left = self.utf8.span
    let right = other.utf8.span
    guard left.count == right.count else { return false }
    for index in left.indices where left[index] != right[index] { return false }
    return true
  }

  package func hashBytes(into hasher: inout Hasher) {
    let span = self.utf8.span
    unsafe span.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    hasher.combine(UInt8(0xFF))
  }
}
