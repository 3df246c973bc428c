// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The text of an API token: `twk_<id>_<secret><checksum>`.
///
/// The prefix lets secret scanners find a leaked token, the public id lets it be managed without the
/// secret, and the checksum lets garbage be refused without looking anything up: 16 characters of id,
/// 43 of secret (256 bits) and 6 of CRC-32 (ISO 3309) over everything before it, all of them in
/// base62 (`0-9A-Za-z`).
public enum APITokenFormat {
  /// What every API token begins with.
  public static let prefix = "twk_"
  /// The length of the id, in bytes.
  public static let idLength = 16
  /// The length of the secret, in bytes: 62^43 is above 2^256.
  public static let secretLength = 43
  /// The length of the checksum, in bytes.
  public static let checksumLength = 6
  /// The length of an API token, in bytes.
  public static let length = 4 + idLength + 1 + secretLength + checksumLength

  static let idRange = 4 ..< 4 + idLength
  static let secretRange = 4 + idLength + 1 ..< 4 + idLength + 1 + secretLength
  static let checkedLength = 4 + idLength + 1 + secretLength

  /// The digits of base62, in the order of their values.
  package static let digits = Array(
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8
  )

  /// Checks everything that can be checked of a token without knowing any.
  /// - Throws: ``DenialReason/tokenMalformed`` for what has another form,
  ///   ``DenialReason/checksumInvalid`` for what was mistyped or made up.
  package static func check(_ token: Span<UInt8>) throws(DenialReason) {
    guard token.count == Self.length, token[0] == UInt8(ascii: "t"), token[1] == UInt8(ascii: "w"),
      token[2] == UInt8(ascii: "k"), token[3] == UInt8(ascii: "_"),
      token[4 + Self.idLength] == UInt8(ascii: "_")
    else { throw .tokenMalformed }
    for index in 4 ..< token.count where index != 4 + Self.idLength {
      switch token[index] {
      case UInt8(ascii: "0") ... UInt8(ascii: "9"), UInt8(ascii: "A") ... UInt8(ascii: "Z"),
        UInt8(ascii: "a") ... UInt8(ascii: "z"):
        continue
      default: throw .tokenMalformed
      }
    }
    let checksum = Self.checksum(of: token.extracting(0 ..< Self.checkedLength))
    var difference: UInt8 = 0
    for index in checksum.indices {
      difference |= checksum[index] ^ token[Self.checkedLength + index]
    }
    guard difference == 0 else { throw .checksumInvalid }
  }

  /// Puts a token together.
  /// - Parameters:
  ///   - id: ``idLength`` bytes of base62.
  ///   - secret: ``secretLength`` bytes of base62.
  package static func token(id: [UInt8], secret: [UInt8]) -> [UInt8] {
    var token = Array(Self.prefix.utf8)
    token.reserveCapacity(Self.length)
    token += id
    token.append(UInt8(ascii: "_"))
    token += secret
    token += Self.checksum(of: token.span)
    return token
  }

  static func checksum(of bytes: Span<UInt8>) -> [UInt8] {
    var rest = CRC32.checksum(of: bytes)
    var text = [UInt8](repeating: UInt8(ascii: "0"), count: Self.checksumLength)
    for index in text.indices.reversed() {
      text[index] = Self.digits[Int(rest % 62)]
      rest /= 62
    }
    return text
  }
}
