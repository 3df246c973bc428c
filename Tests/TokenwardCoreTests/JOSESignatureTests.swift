// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Crypto
import CryptoExtras
import Foundation
import Testing
import TokenwardCore

func hmac(_ input: [UInt8], _ key: [UInt8]) -> [UInt8] {
  Array(HMAC<SHA256>.authenticationCode(for: input, using: SymmetricKey(data: key)))
}

@Suite("JWS signatures and encoding")
struct JOSESignatureTests {
  @Test(
    "A15, A17, A20, A22: a signature of another length is refused",
    arguments: Algorithm.allCases
  )
  func lengths(algorithm: Algorithm) throws {
    let keys = try JOSECompactTests.keys(for: algorithm)
    let header = "{\"alg\":\"\(algorithm.rawValue)\"}"
    let changes: [@Sendable ([UInt8]) -> [UInt8]] = [
      { $0.dropLast() }, { Array($0.dropFirst()) }, { $0 + [0] }, { [0] + $0 }, { _ in [0] },
      { Array($0.prefix($0.count / 2)) }, { $0 + $0 }, { [UInt8](repeating: 0, count: $0.count) },
      { [UInt8](repeating: 0xFF, count: $0.count) },
    ]
    for change in changes {
      let token = TestJWS.make(header, "a") { change(TestJWS.sign($0, algorithm)) }
      #expect(outcome(token, keys) == .signatureInvalid)
    }
    let empty = TestJWS.make(header, "a") { _ in [] }
    #expect(outcome(empty, keys) == .malformed)
    #expect(outcome(String(empty.dropLast()), keys) == .malformed)
    #expect(outcome(TestJWS.make(header, "a") { TestJWS.sign($0, algorithm) }, keys) == nil)
  }

  @Test("A16: r and s of zero or the order are refused")
  func psychic() throws {
    let keys = try JOSECompactTests.keys(for: .es256)
    let order = bytes(hex: "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
    let zero = [UInt8](repeating: 0, count: 32)
    let one = [UInt8](repeating: 0, count: 31) + [1]
    for r in [zero, one, order] {
      for s in [zero, one, order] {
        let token = TestJWS.make(#"{"alg":"ES256"}"#, "a") { _ in r + s }
        #expect(outcome(token, keys) == .signatureInvalid)
      }
    }
  }

  @Test("A17: a DER signature is refused")
  func der() throws {
    let keys = try JOSECompactTests.keys(for: .es256)
    let token = TestJWS.make(#"{"alg":"ES256"}"#, "a") { input in
      (try? TestKeys.p256.signature(for: input).derRepresentation).map(Array.init) ?? []
    }
    #expect(outcome(token, keys) == .signatureInvalid)
  }

  @Test("A07, A20: a signature of another hash or padding is refused")
  func otherParameters() throws {
    let family: [Algorithm] = [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]
    let keys = try JOSECompactTests.keys(for: .rs256)
    for claimed in family {
      for used in family {
        let token = TestJWS.make("{\"alg\":\"\(claimed.rawValue)\"}", "a") {
          TestJWS.sign($0, used)
        }
        #expect(outcome(token, keys) == (claimed == used ? nil : .signatureInvalid))
      }
    }
  }

  @Test("E01 to E06, E24: another spelling of any segment is refused")
  func spellings() throws {
    let keys = try JOSECompactTests.keys(for: .hs256)
    let token = TestJWS.make(.hs256)
    #expect(outcome(token, keys) == nil)
    let parts = token.split(separator: ".").map(String.init)
    let junk = [
      "=", "==", "===", " ", "\t", "\r", "\n", "\0", "?", "#", "+", "/", "\u{200B}", "\u{FF0E}",
      "\u{212A}", "A",
    ]
    for index in parts.indices {
      for text in junk {
        for changed in [text + parts[index], parts[index] + text] {
          var copy = parts
          copy[index] = changed
          #expect(outcome(copy.joined(separator: "."), keys) != nil, "\(index) \(text)")
        }
      }
    }
    #expect(outcome(" " + token, keys) == .malformed)
    #expect(outcome(token + "\n", keys) == .malformed)
    #expect(outcome("Bearer " + token, keys) == .malformed)
    #expect(outcome(token.replacing(".", with: "\u{FF0E}"), keys) == .malformed)
  }

  @Test("E03: stray bits after the last byte are refused")
  func strayBits() throws {
    let keys = try JOSECompactTests.keys(for: .hs256)
    let token = TestJWS.make(.hs256)
    // 32 bytes end in a character of which two bits are unused.
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    let last = try #require(token.last.flatMap { alphabet.firstIndex(of: $0) })
    #expect(last % 4 == 0)
    for bits in 1 ... 3 {
      #expect(outcome(token.dropLast() + String(alphabet[last + bits]), keys) == .malformed)
    }
  }

  @Test(
    "A24, E05: another number of segments is refused",
    arguments: [
      "", ".", "..", "...", "....", "a", "a.b", "a.b.c.d", "a.b.c.d.e", ".a.b", "a..b", "a.b.",
      #"{"payload":"","signatures":[]}"#,
    ]
  )
  func segments(token: String) throws {
    #expect(outcome(token, try JOSECompactTests.keys(for: .es256)) == .malformed)
  }

  @Test("A23, E05: additional dots anywhere are refused")
  func dots() throws {
    let keys = try JOSECompactTests.keys(for: .es256)
    let token = TestJWS.make(.es256)
    for position in 0 ... token.count {
      var copy = token
      copy.insert(".", at: copy.index(copy.startIndex, offsetBy: position))
      #expect(outcome(copy, keys) != nil)
    }
    #expect(outcome(bytes: [UInt8](repeating: 0x2E, count: 8_192), keys) == .malformed)
    #expect(outcome(bytes: [UInt8](repeating: 0x2E, count: 1_000_000), keys) == .tooLarge)
  }

  @Test("E22: 8,192 bytes are accepted, one more is not")
  func sizes() throws {
    let keys = try JOSECompactTests.keys(for: .hs256)
    let overhead = TestJWS.make(.hs256, payload: "").utf8.count
    // Base64url has no length of 4k + 1, so the header takes up the difference.
    for pad in 0 ..< 4 {
      let header = "{\"alg\":\"HS256\"\(String(repeating: " ", count: pad))}"
      for payload in (8_192 - overhead) * 3 / 4 - 8 ... (8_192 - overhead) * 3 / 4 + 8 {
        let token = TestJWS.make(
          .hs256,
          header: header,
          payload: String(repeating: "a", count: payload)
        )
        #expect(outcome(token, keys) == (token.utf8.count <= 8_192 ? nil : .tooLarge))
      }
    }
    let exact = Self.token(ofLength: 8_192)
    #expect(exact.map { outcome($0, keys) == nil } == true)
    #expect(Self.token(ofLength: 8_193).map { outcome($0, keys) } == .tooLarge)
  }

  private static func token(ofLength length: Int) -> String? {
    for pad in 0 ..< 4 {
      for payload in 5_900 ..< 6_200 {
        let token = TestJWS.make(
          .hs256,
          header: "{\"alg\":\"HS256\"\(String(repeating: " ", count: pad))}",
          payload: String(repeating: "a", count: payload)
        )
        if token.utf8.count == length { return token }
      }
    }
    return nil
  }

  @Test("A18: the second signature (r, n - s) is accepted, so nothing may key on token bytes alone")
  func malleability() throws {
    let keys = try JOSECompactTests.keys(for: .es256)
    let order = bytes(hex: "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
    let token = TestJWS.make(#"{"alg":"ES256"}"#, "a") { input in
      let signature = TestJWS.sign(input, .es256)
      var result = Array(signature.prefix(32))
      var borrow = 0
      var s: [UInt8] = []
      for index in (0 ..< 32).reversed() {
        let difference = Int(order[index]) - Int(signature[32 + index]) - borrow
        borrow = difference < 0 ? 1 : 0
        s.append(UInt8(truncatingIfNeeded: difference))
      }
      result += s.reversed()
      return result
    }
    #expect(outcome(token, keys) == nil)
  }

  @Test("the memo gives what parsing gives, and only for exactly these bytes")
  func memo() throws {
    let keys = try JOSECompactTests.keys(for: .es256)
    let memo = HeaderMemo()
    let token = Array(TestJWS.make(.es256, header: #"{"alg":"ES256","typ":"JWT"}"#).utf8)
    let first = try CompactJWS(parsing: token, memo: memo)
    #expect(memo.entry(matching: token.span) == nil)
    memo.remember(first)
    memo.remember(first)
    #expect(memo.entry(matching: token.span) != nil)
    let second = try CompactJWS(parsing: token, memo: memo)
    #expect(second.unverifiedPayload == first.unverifiedPayload)
    #expect(second.header.type == Array("JWT".utf8))
    #expect(throws: Never.self) { try second.verify(keys: keys, allowed: [.es256]) }
    var longer = token
    longer.insert(UInt8(ascii: "A"), at: 0)
    #expect(memo.entry(matching: longer.span) == nil)
    #expect(throws: JWSProblem.malformed) { try CompactJWS(parsing: longer, memo: memo) }
    // Exactly the remembered segment and nothing more.
    let segment = Array(first.headerSegment)
    #expect(throws: JWSProblem.malformed) { try CompactJWS(parsing: segment, memo: memo) }
    #expect(throws: JWSProblem.malformed) { try CompactJWS(parsing: segment + [0x2E], memo: memo) }
    for index in 0 ..< (HeaderMemo.capacity * 3) {
      let header = "{\"alg\":\"ES256\",\"n\":\(index)}"
      memo.remember(try CompactJWS(parsing: Array(TestJWS.make(.es256, header: header).utf8)))
    }
    #expect(memo.entry(matching: token.span) == nil)
  }
}

extension JOSESignatureTests {
  @Test("algorithm sets are sets")
  func sets() {
    #expect(Set(Algorithm.allCases.map(\.ordinal)) == Set(0 ..< Algorithm.allCases.count))
    for algorithm in Algorithm.allCases {
      #expect(Algorithm(rawValue: algorithm.rawValue) == algorithm)
      #expect(AlgorithmSet.all.contains(algorithm))
      #expect(AlgorithmSet([algorithm]).isSubset(of: .all))
      #expect(!AlgorithmSet.all.isSubset(of: [algorithm]))
      #expect(algorithm.isSymmetric == algorithm.rawValue.hasPrefix("HS"))
    }
    #expect(Algorithm(rawValue: "none") == nil)
    #expect(AlgorithmSet([]).isEmpty)
    #expect(AlgorithmSet([.es256, .hs256]).intersection(.symmetric) == [.hs256])
  }
}
