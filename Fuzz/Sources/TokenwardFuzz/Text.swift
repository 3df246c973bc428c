// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

// The simplest way to say each grammar: slow, obvious, and written without a look at the library.
// Comparing two implementations finds what neither "it did not crash" nor a look finds.

func isUpper(_ byte: UInt8) -> Bool { byte >= 0x41 && byte <= 0x5A }
func isLower(_ byte: UInt8) -> Bool { byte >= 0x61 && byte <= 0x7A }
func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
func isAlphanumeric(_ byte: UInt8) -> Bool { isUpper(byte) || isLower(byte) || isDigit(byte) }

func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }

func lowercased(_ bytes: [UInt8]) -> [UInt8] { bytes.map { isUpper($0) ? $0 + 32 : $0 } }

/// `/[A-Za-z0-9_.]+/[A-Za-z0-9_]+`, at most 1,024 bytes after the first slash.
func followsPathGrammar(_ path: [UInt8]) -> Bool {
  let parts = path.split(separator: 0x2F, omittingEmptySubsequences: false)
  guard parts.count == 3, parts[0].isEmpty, !parts[1].isEmpty, !parts[2].isEmpty,
    path.count <= 1 + RPCMethod.maximumLength
  else { return false }
  return parts[1].allSatisfy { isAlphanumeric($0) || $0 == 0x5F || $0 == 0x2E }
    && parts[2].allSatisfy { isAlphanumeric($0) || $0 == 0x5F }
}

/// `[0-9]{1,8}[HMSmun]`.
func followsTimeoutGrammar(_ value: [UInt8]) -> Bool {
  guard let unit = value.last, (2 ... 9).contains(value.count) else { return false }
  return value.dropLast().allSatisfy(isDigit) && utf8("HMSmun").contains(unit)
}

/// `bearer [A-Za-z0-9-._~+/]+=*`, the scheme in any letter case. The token may have any length.
func followsBearerGrammar(_ value: [UInt8]) -> Bool {
  guard lowercased(Array(value.prefix(7))) == utf8("bearer ") else { return false }
  var token = value.dropFirst(7)
  while token.last == 0x3D { token.removeLast() }
  return !token.isEmpty
    && token.allSatisfy { isAlphanumeric($0) || utf8("-._~+/").contains($0) }
}

/// Base64url, bit by bit: nil for another alphabet, a dangling character or bits that are left over.
func decodedBase64URL(_ text: [UInt8]) -> [UInt8]? {
  let alphabet = utf8("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
  var bits: [Bool] = []
  for character in text {
    guard let value = alphabet.firstIndex(of: character) else { return nil }
    for shift in (0 ..< 6).reversed() { bits.append(value >> shift & 1 == 1) }
  }
  let rest = bits.count % 8
  guard rest < 6, !bits.suffix(rest).contains(true) else { return nil }
  return stride(from: 0, to: bits.count - rest, by: 8).map { start in
    bits[start ..< start + 8].reduce(0) { $0 << 1 | ($1 ? 1 : 0) }
  }
}
