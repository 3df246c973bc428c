// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

extension TokenType {
  /// - Parameter type: `typ` of a signed header in printable ASCII; nil if there is none.
  func check(_ type: [UInt8]?) throws(DenialReason) {
    guard case .mediaType(let expected) = self else { return }
    guard let type else { throw .typeMismatch }
    if type.elementsEqual(expected.utf8) { return }
    // `application/` may be left out where no other slash is (RFC 7515 §4.1.9). Parameters, spaces
    // and everything else make another type.
    guard Self.essence(type[...]).elementsEqual(Self.essence(Array(expected.utf8)[...])) else {
      throw .typeMismatch
    }
  }

  private static func essence(_ type: ArraySlice<UInt8>) -> [UInt8] {
    let lowered = type.map { (0x41 ... 0x5A).contains($0) ? $0 | 0x20 : $0 }
    let prefix = Array("application/".utf8)
    guard lowered.starts(with: prefix) else { return lowered }
    let rest = Array(lowered.dropFirst(prefix.count))
    return rest.contains(UInt8(ascii: "/")) ? lowered : rest
  }
}
