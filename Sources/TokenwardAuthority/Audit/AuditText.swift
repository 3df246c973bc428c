// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// What is written of texts in audit records: bounded, and not what looks like a token. An operator
/// who pastes a token where a reason was asked for must not put it on disk for years.
enum AuditText {
  /// The longest text of one member, in bytes.
  static let longest = 512
  /// The longest list of names, in bytes: as many as can be granted, of the longest there are. Nothing
  /// in it needs an escape, so that six of them fit into one line.
  static let longestList = AuthorityLimits.mostGrants * 257
  /// Most details of one record.
  static let mostDetails = 16
  static let withheld = "(withheld)"

  /// A text of free words: nothing that contains the beginning of an API token or of a JWT.
  static func words(_ text: String) -> String {
    let bytes = Array(text.utf8)
    if Self.position(of: Self.tokenPrefix, in: bytes[...]) != nil { return Self.withheld }
    if Self.position(of: Self.jwtPrefix, in: bytes[...]) != nil { return Self.withheld }
    return Self.bounded(text)
  }

  /// A name: `eyJ` may be part of an honest one ("heyJude", a random id), so it takes as much as the
  /// header of a JWT has at least behind it to be withheld.
  static func name(_ text: String) -> String {
    Self.looksLikeToken(text) ? Self.withheld : Self.bounded(text)
  }

  /// Whether a name is withheld.
  static func looksLikeToken(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    if Self.position(of: Self.tokenPrefix, in: bytes[...]) != nil { return true }
    var rest = bytes[...]
    while let start = Self.position(of: Self.jwtPrefix, in: rest) {
      let behind = rest[start...].prefix(20)
      if behind.count == 20, behind.allSatisfy(Self.isBase64URL) { return true }
      rest = rest[(start + 1)...]
    }
    return false
  }

  /// A detail, by its name. What was granted is there whole, each entry judged as a name: one that
  /// looks like a token must not hide the others.
  static func detail(_ name: String, _ text: String) -> String {
    if name == "name" || name == "grant" { return Self.name(text) }
    guard Self.lists.contains(name), text.utf8.count <= Self.longestList,
      text.utf8.allSatisfy({ (0x20 ... 0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C })
    else { return Self.words(text) }
    let entries = text.utf8.split(separator: UInt8(ascii: " "))
    let shown = entries.prefix(AuthorityLimits.mostGrants)
      .map { Self.name(String(decoding: $0, as: UTF8.self)) }
    let left = entries.count - shown.count
    return shown.joined(separator: " ") + (left > 0 ? " …(+\(left))" : "")
  }

  /// Details that are lists of names, at most ``AuthorityLimits/mostGrants`` each; no name has a space.
  private static let lists: Set<String> = [
    "audiences", "certificate", "methods", "networks", "roles", "scopes",
  ]

  private static let tokenPrefix = Array(APITokenFormat.prefix.utf8)
  private static let jwtPrefix = Array("eyJ".utf8)

  private static func bounded(_ text: String) -> String {
    let length = text.utf8.count
    guard length > Self.longest else { return text }
    var bounded = String.UnicodeScalarView()
    var kept = 0
    for scalar in text.unicodeScalars {
      guard kept + UTF8.width(scalar) <= Self.longest else { break }
      kept += UTF8.width(scalar)
      bounded.append(scalar)
    }
    // Two long texts that begin alike are not taken for one.
    return String(bounded) + "…(+\(length - kept) bytes)"
  }

  private static func position(of other: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
    bytes.indices.first { bytes[$0...].starts(with: other) }
  }

  private static func isBase64URL(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A") ... UInt8(ascii: "Z"), UInt8(ascii: "a") ... UInt8(ascii: "z"),
      UInt8(ascii: "0") ... UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
