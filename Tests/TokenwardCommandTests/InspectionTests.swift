// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore

@testable import tokenward

@Suite("token inspect")
struct InspectionTests {
  private let now = UnixTime(seconds: 2_000_000_000)

  private func inspect(
    header: String = #"{"alg":"ES256"}"#,
    claims: String,
    signature: String = "c2lnbmF0dXJl"
  ) throws -> TokenInspection {
    let parts = [header, claims].map { Base64URL.encode(Array($0.utf8)) }
    return try TokenInspection(
      token: Array("\(parts[0]).\(parts[1]).\(signature)".utf8),
      at: self.now
    )
  }

  @Test("what is shown says that it is not verified, and not the signature")
  func marked() throws {
    let inspection = try self.inspect(claims: #"{"sub":"ada","n":[1,{}, [ ]],"o":{"x":null}}"#)
    #expect(
      inspection.text(.text) == """
        NOT VERIFIED: anybody can write this. The signature was not checked.

        header (not verified)
        {
          "alg": "ES256"
        }

        claims (not verified)
        {
          "sub": "ada",
          "n": [
            1,
            {},
            []
          ],
          "o": {
            "x": null
          }
        }

        signature: 9 bytes, not shown
        note: no usable expiry; such tokens are refused

        """
    )
    let json = inspection.text(.json)
    #expect(json.contains(#""verified":false"#))
    #expect(!json.contains("c2lnbmF0dXJl"))
    #expect(!json.contains("signature\":\""))
  }

  @Test(
    "characters that move a cursor or turn text around are escaped",
    arguments: [
      (#"\u001b[2J"#, #"\u001b[2J"#), (#"\u0000"#, #"\u0000"#), ("\u{202E}", #"\u202e"#),
      ("\u{9B}", #"\u009b"#), ("\u{2028}", #"\u2028"#), (#"\n"#, #"\u000a"#), (#"\""#, #"\""#),
    ]
  )
  func escaped(written: String, shown: String) throws {
    for format in OutputFormat.allCases {
      let text = try self.inspect(claims: #"{"sub":"a\#(written)b"}"#).text(format)
      #expect(text.contains(#""a\#(shown)b""#))
      #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || $0.value == 0x202E })
    }
  }

  @Test(
    "dates and headers are judged as information",
    arguments: [
      (#"{"alg":"ES256"}"#, #"{"exp":2000000000}"#, "expired 0 s ago"),
      (#"{"alg":"ES256"}"#, #"{"exp":1999996399}"#, "expired 1 h 1 s ago"),
      (#"{"alg":"ES256"}"#, #"{"exp":2000000065}"#, "expires in 1 min 5 s"),
      (#"{"alg":"ES256"}"#, #"{"exp":2000000065,"nbf":2000000009}"#, "not valid for another 9 s"),
      (#"{"alg":"none"}"#, "{}", "the algorithm is not one that Tokenward accepts"),
      (#"{"alg":"ES256","jku":"x"}"#, "{}", "brings or points to a key (jku)"),
    ]
  )
  func notes(header: String, claims: String, note: String) throws {
    #expect(try self.inspect(header: header, claims: claims).text(.text).contains(note))
  }

  @Test(
    "what is no token is refused without showing it",
    arguments: [
      "", "secret-text", "secret.text", "a.b.c.secret", "e30.e30.secret-text=", "e30.secret!.e30",
      "c2VjcmV0.e30.e30", String(repeating: "A", count: 8_193),
    ]
  )
  func refused(token: String) {
    let failure = #expect(throws: CommandFailure.self) {
      try TokenInspection(token: Array(token.utf8), at: self.now)
    }
    #expect(failure?.description.contains("secret") == false)
  }
}
