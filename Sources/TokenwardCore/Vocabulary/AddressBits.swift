// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The 128 bits of an IPv6 address; an IPv4 address is the IPv4-mapped one (RFC 4291 §2.5.5.2).
struct AddressBits: Hashable, Sendable {
  let high: UInt64
  let low: UInt64

  private static let mappedPrefix: UInt64 = 0xFFFF

  init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  init(ipv4: UInt32) { self.init(high: 0, low: Self.mappedPrefix << 32 | UInt64(ipv4)) }

  /// - Parameter bytes: 4 or 16 in network order; nil for any other number.
  init?(bytes: [UInt8]) {
    switch bytes.count {
    case 4: self.init(ipv4: bytes.reduce(0) { $0 << 8 | UInt32($1) })
    case 16:
      self.init(
        high: bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) },
        low: bytes[8...].reduce(0) { $0 << 8 | UInt64($1) }
      )
    default: return nil
    }
  }

  var isIPv4: Bool { self.high == 0 && self.low >> 32 == Self.mappedPrefix }

  /// The leading bits, and zeros behind them.
  func masked(to count: Int) -> AddressBits {
    // A smart shift by the whole width leaves nothing, which is what no bits are.
    AddressBits(
      high: self.high & UInt64.max << UInt64(max(64 - count, 0)),
      low: self.low & UInt64.max << UInt64(min(max(128 - count, 0), 64))
    )
  }

  /// 16 bytes in network order.
  var bytes: [UInt8] {
    [self.high, self.low].flatMap { word in
      (0 ..< 8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - $0 * 8)) }
    }
  }
}

// MARK: - Text

extension AddressBits {
  /// An address as text.
  struct Parsed {
    var bits: AddressBits
    /// Whether the text was dotted decimal alone.
    var isIPv4: Bool
  }

  static func parse(_ text: Span<UInt8>) -> Parsed? {
    for index in text.indices where text[index] == UInt8(ascii: ":") {
      return Self.ipv6(text).map { Parsed(bits: $0, isIPv4: false) }
    }
    return Self.ipv4(text).map { Parsed(bits: AddressBits(ipv4: $0), isIPv4: true) }
  }

  /// A decimal number without sign and leading zero.
  static func decimal(_ text: Span<UInt8>, atMost most: Int) -> Int? {
    guard (1 ... 5).contains(text.count), text[0] != UInt8(ascii: "0") || text.count == 1 else {
      return nil
    }
    var value = 0
    for index in text.indices {
      guard (UInt8(ascii: "0") ... UInt8(ascii: "9")).contains(text[index]) else { return nil }
      value = value * 10 + Int(text[index] - UInt8(ascii: "0"))
    }
    return value <= most ? value : nil
  }

  /// Four decimal numbers and nothing else: `127.1`, `0x7f.0.0.1` and `0177.0.0.1` are what
  /// inet_aton(3) reads them as in one program and something else in the next.
  private static func ipv4(_ text: Span<UInt8>) -> UInt32? {
    guard text.count <= 15 else { return nil }
    var address: UInt32 = 0
    var parts = 0
    var start = 0
    for index in 0 ... text.count
    where index == text.count || text[index] == UInt8(ascii: ".") {
      guard parts < 4, let part = Self.decimal(text.extracting(start ..< index), atMost: 255)
      else { return nil }
      address = address << 8 | UInt32(part)
      parts += 1
      start = index + 1
    }
    return parts == 4 ? address : nil
  }

  /// The three forms of RFC 4291 §2.2: eight groups, `::` once for one or more groups of zero, and
  /// dotted decimal for the last two groups.
  private static func ipv6(_ text: Span<UInt8>) -> AddressBits? {
    guard (2 ... 45).contains(text.count) else { return nil }
    var groups: [UInt16] = []
    groups.reserveCapacity(8)
    var gap: Int?
    var index = 0
    if text[0] == UInt8(ascii: ":") {
      guard text[1] == UInt8(ascii: ":") else { return nil }
      gap = 0
      index = 2
    }
    while index < text.count {
      var end = index
      while end < text.count, text[end] != UInt8(ascii: ":") { end += 1 }
      let part = text.extracting(index ..< end)
      if end == text.count, let address = Self.ipv4(part) {
        groups.append(UInt16(truncatingIfNeeded: address >> 16))
        groups.append(UInt16(truncatingIfNeeded: address))
      } else {
        guard let group = Self.group(part) else { return nil }
        groups.append(group)
      }
      guard groups.count <= 8 else { return nil }
      guard end < text.count else { break }
      index = end + 1
      // A colon at the end is half of something, unless it is the second of two.
      guard index < text.count else { return nil }
      if text[index] == UInt8(ascii: ":") {
        guard gap == nil else { return nil }
        gap = groups.count
        index += 1
      }
    }
    if let gap {
      guard groups.count < 8 else { return nil }
      groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
    }
    guard groups.count == 8 else { return nil }
    return AddressBits(
      high: groups[..<4].reduce(0) { $0 << 16 | UInt64($1) },
      low: groups[4...].reduce(0) { $0 << 16 | UInt64($1) }
    )
  }

  /// One to four hexadecimal digits.
  private static func group(_ text: Span<UInt8>) -> UInt16? {
    guard (1 ... 4).contains(text.count) else { return nil }
    var value: UInt16 = 0
    for index in text.indices {
      let digit: UInt8
      switch text[index] {
      case UInt8(ascii: "0") ... UInt8(ascii: "9"): digit = text[index] - UInt8(ascii: "0")
      case UInt8(ascii: "a") ... UInt8(ascii: "f"): digit = text[index] - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A") ... UInt8(ascii: "F"): digit = text[index] - UInt8(ascii: "A") + 10
      default: return nil
      }
      value = value << 4 | UInt16(digit)
    }
    return value
  }

  /// Dotted decimal of the last 32 bits.
  var ipv4Text: String {
    [24, 16, 8, 0].map { "\(self.low >> UInt64($0) & 0xFF)" }.joined(separator: ".")
  }

  /// RFC 5952 §4: lower case, no leading zeros, the first longest run of two or more groups of zero
  /// shortened.
  var ipv6Text: String {
    let groups = [self.high, self.low].flatMap { word in
      [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: word >> UInt64($0)) }
    }
    var longest = 0 ..< 0
    var start = 0
    for index in 0 ... 8 where index == 8 || groups[index] != 0 {
      if index - start > max(longest.count, 1) { longest = start ..< index }
      start = index + 1
    }
    func text(_ groups: ArraySlice<UInt16>) -> String {
      groups.map { String($0, radix: 16) }.joined(separator: ":")
    }
    guard !longest.isEmpty else { return text(groups[...]) }
    return "\(text(groups[..<longest.lowerBound]))::\(text(groups[longest.upperBound...]))"
  }
}
