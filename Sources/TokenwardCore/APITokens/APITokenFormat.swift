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
    // Eight bytes at a time: two words of id, then secret and checksum, the last word reaching back
    // over the one before it.
    var offences = Self.offences(token.word(at: 4)) | Self.offences(token.word(at: 12))
    for offset in stride(from: Self.secretRange.lowerBound, to: Self.length - 8, by: 8) {
      offences |= Self.offences(token.word(at: offset))
    }
    offences |= Self.offences(token.word(at: Self.length - 8))
    guard offences == 0 else { throw .tokenMalformed }

    // Digits are told from each other by their value: six of them reach 2^35, so that one number has
    // one text.
    var stated: UInt64 = 0
    for index in Self.checkedLength ..< Self.length {
      stated = stated * 62 + Self.value(ofDigit: token[index])
    }
    let checksum = CRC32.checksum(of: token.extracting(0 ..< Self.checkedLength))
    guard stated == UInt64(checksum) else { throw .checksumInvalid }
  }

  /// Puts a token together.
  /// - Parameters:
  ///   - id: ``idLength`` bytes of base62.
  ///   - secret: ``secretLength`` bytes of base62.
  public static func token(id: [UInt8], secret: [UInt8]) -> [UInt8] {
    var token = Array(Self.prefix.utf8)
    token.reserveCapacity(Self.length)
    token += id
    token.append(UInt8(ascii: "_"))
    token += secret
    token += Self.checksum(of: token.span)
    return token
  }

  /// Whether a text can be the id of an API token.
  package static func isID(_ text: String) -> Bool {
    Self.isID(text.utf8.span)
  }

  static func isID(_ bytes: Span<UInt8>) -> Bool {
    guard bytes.count == Self.idLength else { return false }
    return Self.offences(bytes.word(at: 0)) | Self.offences(bytes.word(at: 8)) == 0
  }

  static func isSecret(_ bytes: Span<UInt8>) -> Bool {
    guard bytes.count == Self.secretLength else { return false }
    var offences = Self.offences(bytes.word(at: Self.secretLength - 8))
    for offset in stride(from: 0, to: Self.secretLength - 8, by: 8) {
      offences |= Self.offences(bytes.word(at: offset))
    }
    return offences == 0
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

  /// The value of a digit of base62; of any other byte some number.
  private static func value(ofDigit byte: UInt8) -> UInt64 {
    let offset: UInt8 =
      byte >= UInt8(ascii: "a") ? 61 : byte >= UInt8(ascii: "A") ? 55 : UInt8(ascii: "0")
    return UInt64(byte &- offset)
  }

  /// The high bit of each of eight bytes that is no digit of base62.
  private static func offences(_ bytes: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    // The high bit of each lane says whether the byte is at least `limit`. No lane carries into the
    // next while all are below 0x80, and a byte that is not is an offence itself.
    func reach(_ lanes: UInt64, _ limit: UInt64) -> UInt64 { lanes &+ ones &* (0x80 - limit) }
    let low = bytes & ~(ones &* 0x80)
    let lowered = low | ones &* 0x20
    let letters = reach(lowered, 0x61) & ~reach(lowered, 0x7B)
    let digits = reach(low, 0x30) & ~reach(low, 0x3A)
    return (bytes | ~(letters | digits)) & (ones &* 0x80)
  }
}
