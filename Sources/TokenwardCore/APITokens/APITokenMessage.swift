// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// What is digested of an API token: its secret and its id, in 55 bytes.
///
/// First the 43 characters of the secret; then each half of the id, eight digits of base62, as a
/// number of six bytes, the lowest first. Every part has one length and every number one text, so no
/// two tokens have the same message; and with the id in it, a digest proves nothing in the record of
/// another token. 55 bytes are the most that SHA-256 takes in one block (FIPS 180-4 §5.1.1): the
/// characters of the id as they are would need a second one, for every token of every request.
struct APITokenMessage {
  static let length = 55

  private let words: InlineArray<7, UInt64>

  /// Nil for what is no id or no secret of an API token.
  init?(id: Span<UInt8>, secret: Span<UInt8>) {
    guard APITokenFormat.isID(id), APITokenFormat.isSecret(secret) else { return nil }
    self.init(checkedID: id, secret)
  }

  /// - Parameter token: the text of a token, whose form is checked.
  init(token: Span<UInt8>) {
    self.init(
      checkedID: token.extracting(APITokenFormat.idRange),
      token.extracting(APITokenFormat.secretRange)
    )
  }

  private init(checkedID id: Span<UInt8>, _ secret: Span<UInt8>) {
    let first = Self.number(id.word(at: 0))
    let second = Self.number(id.word(at: 8))
    var words = InlineArray<7, UInt64>(repeating: 0)
    for index in 0 ..< 5 { words[index] = secret.word(at: 8 * index).littleEndian }
    // Three characters are left: the high bytes of the last eight.
    words[5] = (secret.word(at: 35) >> 40 | first << 24).littleEndian
    words[6] = (first >> 40 | second << 8).littleEndian
    self.words = words
  }

  /// Lends the bytes.
  @inline(__always)
  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    unsafe self.words.span.withUnsafeBytes { bytes in
      unsafe body(UnsafeRawBufferPointer(rebasing: bytes[..<Self.length]))
    }
  }

  /// The number that eight digits of base62 are, the first of them in the lowest byte and of the
  /// highest value. All are worked on at once: to digits, then to pairs, fours and all eight.
  private static func number(_ text: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    // Letters have the bit 0x40, small ones 0x20 as well.
    let letters = text >> 6 & ones
    let small = letters & text >> 5
    let digits = text &- ones &* 0x30 &- letters &* 7 &- small &* 6
    let pairs = (digits & 0x00FF_00FF_00FF_00FF) &* 62 &+ (digits >> 8 & 0x00FF_00FF_00FF_00FF)
    let fours = (pairs & 0x0000_FFFF_0000_FFFF) &* 3_844 &+ (pairs >> 16 & 0x0000_FFFF_0000_FFFF)
    return (fours & 0xFFFF_FFFF) &* 14_776_336 &+ fours >> 32
  }
}
