// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardCore

@testable import tokenward

@Suite("Batches")
struct BatchTests {
  private let signer = TestSigner()

  private func answer(_ line: [UInt8]) -> String {
    let batch = Batch(SignatureVerification().answer(to:))
    return String(decoding: batch.answer(to: .complete(line)), as: UTF8.self)
  }

  private func answer(_ line: String) -> String { self.answer(Array(line.utf8)) }

  private func accepted(_ id: String) -> String {
    #"{"id":\#(id),"verdict":"accept","reason":null}"# + "\n"
  }

  private func refused(_ id: String, _ reason: String) -> String {
    #"{"id":\#(id),"verdict":"refuse","reason":"\#(reason)"}"# + "\n"
  }

  @Test(
    "an id comes back with its type and value",
    arguments: [
      ("1", "1"), ("-0.50", "-0.50"), ("1e400", "1e400"), (#""x""#, #""x""#),
      (#""\u0061""#, #""a""#), (#""a\u2028b""#, #""a\u2028b""#),
      ("9007199254740993", "9007199254740993"),
    ]
  )
  func ids(id: String, expected: String) throws {
    let line = #"{"id":\#(id),"jws":"\#(try self.signer.jws())","jwk":\#(self.signer.jwk)}"#
    #expect(self.answer(line) == self.accepted(expected))
  }

  @Test(
    "a line that cannot be read is refused",
    arguments: [
      "", " ", "x", "null", "[]", "{}", #"{"id":1"#, #"{"id":1}x"#, #"{"id":1,}"#, #"{"id" 1}"#,
      #"{"id":null}"#, #"{"id":true}"#, #"{"id":{}}"#, #"{"id":[1]}"#, #"{"id":01}"#,
      #"{"id":1,"id":2}"#, #"{"id":1,"\u0069d":2}"#, #"{"id":"\ud800"}"#, "\u{FEFF}{\"id\":1}",
      "{\"id\":\"\u{0}\"}", #"{id:1}"#, #"{"id":"x"#, #"{"id":"x\"#,
    ]
  )
  func unreadable(line: String) {
    #expect(self.answer(line) == self.refused("null", "requestMalformed"))
  }

  @Test("bytes that are no UTF-8 are refused, under the id if that can be read")
  func invalidUTF8() {
    #expect(self.answer([0xFF, 0xFE]) == self.refused("null", "requestMalformed"))
    let line =
      Array(#"{"id":7,"jwk":\#(self.signer.jwk),"jws":""#.utf8) + [0xFF] + Array(#""}"#.utf8)
    #expect(self.answer(line) == self.refused("7", "tokenMalformed"))
  }

  @Test("a hostile value is refused with its reason, and only that line")
  func hostileValues() throws {
    let jws = try self.signer.jws()
    let jwk = self.signer.jwk
    let rows: [(line: String, reason: String)] = [
      (#""jws":"\#(jws)\u0000","jwk":\#(jwk)"#, "tokenMalformed"),
      (#""jws":{"payload":"e30","signatures":[]},"jwk":\#(jwk)"#, "tokenMalformed"),
      (#""jws":7,"jwk":\#(jwk)"#, "tokenMalformed"),
      (#""jws":null,"jwk":\#(jwk)"#, "tokenMalformed"),
      (#""jwk":\#(jwk)"#, "tokenMalformed"),
      (#""jws":"","jwk":\#(jwk)"#, "tokenMalformed"),
      (#""jws":"\#(String(repeating: "A", count: 1_000_000))","jwk":\#(jwk)"#, "tokenTooLarge"),
      (#""jws":"\#(jws)","jwk":\#(jwk),"algorithms":["RS256"]"#, "algorithmForbidden"),
      (#""jws":"\#(jws)","jwk":\#(jwk),"algorithms":["es256","none"]"#, "algorithmForbidden"),
      (#""jws":"\#(jws)","jwk":\#(jwk),"algorithms":[]"#, "algorithmForbidden"),
      (#""jws":"\#(jws)","jwk":\#(jwk),"algorithms":"ES256""#, "requestMalformed"),
      (#""jws":"\#(jws)","jwk":\#(jwk),"algorithms":[1]"#, "requestMalformed"),
      (#""jws":"\#(jws)""#, "requestMalformed"),
      (#""jws":"\#(jws)","jwk":\#(jwk),"jwks":{"keys":[\#(jwk)]}"#, "requestMalformed"),
      (#""jws":"\#(jws)","jwk":[]"#, "malformed"),
      (#""jws":"\#(jws)","jwk":"\#(jws)""#, "malformed"),
      (#""jws":"\#(jws)","jwk":{"kty":"EC","kty":"EC"}"#, "malformed"),
      (
        #""jws":"\#(jws)","jwk":\#(String(repeating: "[", count: 5_000))\#(String(repeating: "]", count: 5_000))"#,
        "malformed"
      ),
      (#""jws":"\#(jws)","jwk":{"kty":"EC","crv":"P-256","d":"AA"}"#, "privateMaterial"),
      (#""jws":"\#(try TestSigner().jws())","jwk":\#(jwk)"#, "signatureInvalid"),
      (
        #""jws":"\#(try self.signer.jws(header: #"{"alg":"none"}"#))","jwk":\#(jwk)"#,
        "algorithmForbidden"
      ),
      (
        #""jws":"\#(try self.signer.jws(header: #"{"alg":"ES256","kid":"x"}"#))","jwk":\#(jwk)"#,
        "keyUnknown"
      ),
    ]
    for row in rows {
      #expect(self.answer("{\"id\":\"h\",\(row.line)}") == self.refused(#""h""#, row.reason))
    }
    // The twins of the rows above.
    for line in [
      #""jws":"\#(jws)","jwk":\#(jwk)"#,
      #""jws":"\#(jws)","jwks":{"keys":[\#(jwk)]}"#,
      #""jws":"\#(jws)","jwk":\#(jwk),"jwks":null,"algorithms":null"#,
      #""jws":"\#(jws)","jwk":\#(jwk),"algorithms":["ES256"],"comment":{"a":[1,{"b":"}"}]}"#,
    ] {
      #expect(self.answer("{\"id\":\"h\",\(line)}") == self.accepted(#""h""#))
    }
  }

  @Test("a key that cannot be used is named by its problem")
  func keyProblem() throws {
    let line =
      #"{"id":1,"jws":"\#(try self.signer.jws())","jwk":{"kty":"oct","k":"AAAA"}}"#
    let expected =
      #"{"id":1,"verdict":"refuse","reason":"secretTooShort","#
      + #""skipped":[{"index":0,"kid":null,"problem":"secretTooShort"}]}"#
    #expect(self.answer(line) == expected + "\n")
  }

  @Test("key sets are judged as a trusted issuer's, with the keys that would not be used")
  func keySets() {
    let batch = Batch(KeySetCheck.answer(to:))
    func answer(_ jwks: String) -> String {
      let line = #"{"id":1,"jwks":\#(jwks)}"#
      return String(decoding: batch.answer(to: .complete(Array(line.utf8))), as: UTF8.self)
    }
    let jwk = self.signer.jwk
    #expect(answer(#"{"keys":[\#(jwk)]}"#) == self.accepted("1"))
    #expect(
      answer(#"{"keys":[\#(jwk),{"kty":"PQ","kid":"q"}]}"#)
        == #"{"id":1,"verdict":"accept","reason":null,"#
        + #""skipped":[{"index":1,"kid":"q","problem":"keyTypeUnsupported"}]}"# + "\n"
    )
    #expect(answer(jwk) == self.refused("1", "malformed"))
    #expect(answer(#"{"keys":[]}"#) == self.refused("1", "noUsableKeys"))
    #expect(answer(#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#) == self.refused("1", "privateMaterial"))
    #expect(answer("null") == self.refused("1", "requestMalformed"))
  }

  @Test("a line that is too long is answered, too")
  func tooLong() {
    let batch = Batch { _ in .accept }
    let answer = String(decoding: batch.answer(to: .tooLong), as: UTF8.self)
    #expect(answer == self.refused("null", "requestMalformed"))
  }

  @Test("every problem of a key has a name of letters")
  func problemNames() {
    for problem in KeyProblem.allCases {
      #expect("\(problem)".utf8.allSatisfy { ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A })
    }
  }
}
