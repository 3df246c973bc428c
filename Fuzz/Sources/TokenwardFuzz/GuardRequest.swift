// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// A call as the fuzzer writes it: the path, then one header in each line, then after an empty line
/// the claims. In a header, `$SIGNED` stands for a token over these claims that is well signed.
///
///     /t.Orders/Get
///     authorization: Bearer $SIGNED
///
///     {"iss":"https://plain.test",…}
///
/// A line `certificate` says that the caller proved one. In the claims, `@` and a byte stand for the
/// date that is that byte less 128 seconds from now: ten digits rarely become another date near it
/// by chance, one byte does at once.
struct GuardRequest {
  let path: [UInt8]
  var headers: [(name: [UInt8], value: [UInt8])] = []
  var hasCertificate = false
  let claims: [UInt8]
  let token: [UInt8]

  init(_ input: [UInt8]) {
    var rest = input[...]
    func line() -> [UInt8] {
      let line = rest.prefix { $0 != 0x0A }
      rest = rest.dropFirst(line.count + 1)
      return Array(line)
    }
    self.path = Self.repaired(line())
    var lines: [[UInt8]] = []
    while !rest.isEmpty {
      let next = line()
      guard !next.isEmpty else { break }
      lines.append(next)
    }
    self.claims = Self.dated(rest)
    self.token = Fixture.signed(header: GuardFixture.header, payload: self.claims)
    for line in lines {
      if line == utf8("certificate") { self.hasCertificate = true }
      guard let colon = line.firstIndex(of: 0x3A) else { continue }
      let value = Array(line[(colon + 1)...].drop { $0 == 0x20 })
      self.headers.append(
        (Self.repaired(Array(line[..<colon])), Self.repaired(self.substituted(value)))
      )
    }
  }

  var accessRequest: AccessRequest {
    var request = AccessRequest(
      path: String(decoding: self.path, as: UTF8.self),
      door: .grpc,
      peerCertificate: self.hasCertificate ? GuardFixture.certificate : nil
    )
    for header in self.headers {
      request.add(
        header: String(decoding: header.name, as: UTF8.self),
        value: String(decoding: header.value, as: UTF8.self)
      )
    }
    return request
  }

  func values(of name: String) -> [[UInt8]] {
    self.headers.filter { lowercased($0.name) == utf8(name) }.map(\.value)
  }

  private static func dated(_ claims: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var rest = claims
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "@"), let offset = rest.popFirst() {
        result += utf8("\(GuardFixture.now + Int64(offset) - 128)")
      } else {
        result.append(byte)
      }
    }
    return result
  }

  private func substituted(_ value: [UInt8]) -> [UInt8] {
    let mark = utf8("$SIGNED")
    guard let range = value.firstRange(of: mark) else { return value }
    return value[..<range.lowerBound] + self.token + value[range.upperBound...]
  }

  /// A header of a call is a `String` by the time the guard sees it.
  private static func repaired(_ bytes: [UInt8]) -> [UInt8] {
    utf8(String(decoding: bytes, as: UTF8.self))
  }
}
