// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Rows E01 to E06, E22 and E24: the compact serialization.
enum EncodingRows {
  static let rows: [Attack] = [
    Attack(
      "E01",
      "base64 alphabet",
      "RFC 7515 §2; RFC 4648 §5",
      [
        .token("standard alphabet in the payload, signed so", .tokenMalformed) { bench in
          try bench.signed(Encoded.inStandardAlphabet(Self.withSpecialCharacters(bench)))
        } twin: { bench in
          try bench.signed(Self.withSpecialCharacters(bench))
        },
        .token("standard alphabet in the signature", .tokenMalformed) { bench in
          let token = try Self.withSpecialSignature(bench)
          let parts = token.split(separator: ".").map(String.init)
          return "\(parts[0]).\(parts[1]).\(Encoded.inStandardAlphabet(parts[2]))"
        } twin: { bench in
          try Self.withSpecialSignature(bench)
        },
        .token("both alphabets in one segment, signed so", .tokenMalformed) { bench in
          let input = Self.withSpecialCharacters(bench)
          let index = input.utf8.firstIndex { $0 == 0x5F || $0 == 0x2D } ?? input.startIndex
          return try bench.signed(
            Encoded.inStandardAlphabet(String(input[...index]))
              + input[input.utf8.index(after: index)...] + "_-_-"
          )
        } twin: { bench in
          try bench.signed(Self.withSpecialCharacters(bench))
        },
        .token("a tilde, which b64token allows", .tokenMalformed) { "\(try $0.token())~" },
      ]
    ),
    Attack(
      "E02",
      "base64 padding",
      "RFC 7515 §2",
      ["=", "==", "==="].flatMap { padding in
        [
          .token("\(padding) after the header, signed so", .credentialMalformed) { bench in
            let parts = bench.signingInput().split(separator: ".")
            return try bench.signed("\(parts[0])\(padding).\(parts[1])")
          },
          .token("\(padding) after the payload, signed so", .credentialMalformed) { bench in
            try bench.signed("\(bench.signingInput())\(padding)")
          },
          .token("\(padding) after the signature", .tokenMalformed) { bench in
            "\(try bench.token())\(padding)"
          },
        ]
      }
    ),
    Attack(
      "E03",
      "base64 trailing bits",
      "RFC 4648 §3.5; Wycheproof jws tcId 374, 375",
      [
        .token("in the signature", .tokenMalformed) { Encoded.withStrayBits(try $0.token()) },
        .token("in the header, signed so", .tokenMalformed) { bench in
          let (header, payload) = Self.unevenSegments(bench)
          return try bench.signed("\(Encoded.withStrayBits(header)).\(payload)")
        } twin: { bench in
          let (header, payload) = Self.unevenSegments(bench)
          return try bench.signed("\(header).\(payload)")
        },
        .token("in the payload, signed so", .tokenMalformed) { bench in
          let (header, payload) = Self.unevenSegments(bench)
          return try bench.signed("\(header).\(Encoded.withStrayBits(payload))")
        } twin: { bench in
          let (header, payload) = Self.unevenSegments(bench)
          return try bench.signed("\(header).\(payload)")
        },
      ]
    ),
    Attack(
      "E04",
      "white space and junk",
      "Wycheproof jws tcId 360 to 373",
      [
        ("a space", " ", AttackRequest.Carriage.client), ("a tab", "\t", .rawHTTP2),
        ("CR", "\r", .rawHTTP2), ("LF", "\n", .rawHTTP2), ("NUL", "\0", .rawHTTP2),
        ("?", "?", .client), ("#", "#", .client), ("%", "%", .client), (",", ",", .client),
        ("zero width space", "\u{200B}", .rawHTTP2), ("no-break space", "\u{A0}", .rawHTTP2),
      ].flatMap { junk -> [AttackVariant] in
        let (name, text, carriage) = junk
        return [
          .token("\(name) in the payload, signed so", .credentialMalformed, carriage) { bench in
            let input = bench.signingInput()
            return try bench.signed("\(input.dropLast(4))\(text)\(input.suffix(4))")
          },
          .token("\(name) after the header", .credentialMalformed, carriage) { bench in
            let parts = try bench.token().split(separator: ".")
            return "\(parts[0])\(text).\(parts[1]).\(parts[2])"
          },
          .token("\(name) at the end", .credentialMalformed, carriage) {
            "\(try $0.token())\(text)"
          },
        ]
      }
    ),
    Attack(
      "E05",
      "number of dots",
      "CVE-2025-27144; CVE-2025-30204",
      [
        .token("none", .tokenMalformed) { bench in
          String(try bench.token().filter { $0 != "." })
        },
        .token("one", .tokenMalformed) { $0.signingInput() },
        .token("three", .tokenMalformed) { "\(try $0.token()).AAAA" },
        .token("four", .tokenMalformed) { "\(try $0.token()).AAAA.AAAA" },
        .token("one in front", .tokenMalformed) { ".\(try $0.token())" },
        .token("one at the end", .tokenMalformed) { "\(try $0.token())." },
        .token("two together", .tokenMalformed) { bench in
          let parts = try bench.token().split(separator: ".")
          return "\(parts[0])..\(parts[1]).\(parts[2])"
        },
        .token("only dots", .tokenMalformed) { _ in ".." },
        .token("8,000", .tokenMalformed) { _ in String(repeating: ".", count: 8_000) },
        .token("a million", .tokenTooLarge, .guardOnly) { _ in
          String(repeating: ".", count: 1_000_000)
        },
        .token("7,000 after a good header", .tokenMalformed) { bench in
          "\(bench.signingInput())\(String(repeating: ".", count: 7_000))"
        },
      ]
    ),
    Attack(
      "E06",
      "segments of 4k+1 characters",
      "RFC 4648 §4",
      [
        .token("signature", .tokenMalformed) { "\(try $0.token())AAA" },
        .token("payload, signed so", .tokenMalformed) { bench in
          let (header, payload) = Self.unevenSegments(bench)
          return try bench.signed("\(header).\(payload)AAA")
        },
        .token("header, signed so", .tokenMalformed) { bench in
          let (header, payload) = Self.unevenSegments(bench)
          return try bench.signed("\(header)AAA.\(payload)")
        },
      ]
    ),
    Attack(
      "E22",
      "token size",
      "RFC 8725bis; Envoy MaxJwtSize",
      [
        .token("8,193 bytes", .tokenTooLarge) { bench in
          try Self.token(ofLength: 8_193, bench)
        } twin: { bench in
          try Self.token(ofLength: 8_192, bench)
        },
        .token("16 KiB", .tokenTooLarge, .guardOnly) { try Self.token(ofLength: 16_384, $0) },
        .token("64 KiB", .tokenTooLarge, .guardOnly) { try Self.token(ofLength: 65_536, $0) },
        .token("1 MiB", .tokenTooLarge, .guardOnly) { try Self.token(ofLength: 1 << 20, $0) },
        .token("1 MiB of one letter", .tokenTooLarge, .guardOnly) { _ in
          String(repeating: "A", count: 1 << 20)
        },
      ]
    ),
    Attack(
      "E24",
      "token that is not ASCII",
      "RFC 6750 §2.1",
      [
        .token("a full-width dot", .credentialMalformed, .rawHTTP2) { bench in
          let parts = try bench.token().split(separator: ".")
          return "\(parts[0])\u{FF0E}\(parts[1]).\(parts[2])"
        },
        .token("the Kelvin sign in a segment", .credentialMalformed, .rawHTTP2) { bench in
          "\u{212A}\(try bench.token())"
        },
        .token("a combining accent at the end", .credentialMalformed, .rawHTTP2) { bench in
          "\(try bench.token())\u{301}"
        },
      ]
    ),
  ]

  /// A signing input whose payload has letters that the two alphabets differ in.
  private static func withSpecialCharacters(_ bench: AttackBench) -> String {
    bench.signingInputWith(bench.claims().setting("name", "\"???>>>\u{FF}\u{FF}\""))
  }

  private static func withSpecialSignature(_ bench: AttackBench) throws -> String {
    for _ in 0 ..< 64 {
      let token = try bench.token()
      if token.utf8.reversed().prefix(86).contains(where: { $0 == 0x2D || $0 == 0x5F }) {
        return token
      }
    }
    return try bench.token()
  }

  /// Header and payload whose encodings end on two characters, so that bits are left over.
  private static func unevenSegments(_ bench: AttackBench) -> (String, String) {
    func padded(_ object: RawObject) -> String {
      var text = object.text
      while text.utf8.count % 3 != 1 { text += " " }
      return Base64URL.encode(Array(text.utf8))
    }
    return (padded(bench.header()), padded(bench.claims()))
  }

  /// A good token but for its length.
  static func token(ofLength length: Int, _ bench: AttackBench) throws -> String {
    // A segment never has 4k+1 characters, so the header helps out by up to three spaces.
    for spaces in 0 ..< 4 {
      let header = Base64URL.encode(
        Array((bench.header().text + String(repeating: " ", count: spaces)).utf8)
      )
      let bare = bench.claims().setting("pad", "\"\"").text.utf8.count
      let room = length - header.utf8.count - 88
      guard room % 4 != 1 else { continue }
      let pad = String(repeating: "p", count: room * 3 / 4 - bare)
      let payload = bench.claims().setting("pad", "\"\(pad)\"").text
      return try bench.signed("\(header).\(Base64URL.encode(Array(payload.utf8)))")
    }
    return ""
  }
}

extension AttackBench {
  /// The signing input of these claims under a good header.
  func signingInputWith(_ claims: RawObject) -> String {
    Base64URL.encode(Array(self.header().text.utf8)) + "."
      + Base64URL.encode(Array(claims.text.utf8))
  }
}
