// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import CryptoExtras
internal import TokenwardCore

/// Rows A15 to A22: signatures that look like one. The public vectors (Wycheproof) have many more;
/// these are aimed at keys that this process made, so that each has a twin.
enum SignatureRows {
  static let rows: [Attack] = [
    Attack(
      "A15",
      "empty and missing signature",
      "Wycheproof jws rejectsMissingSignature; CVE-2020-28042",
      [
        .token("empty", .tokenMalformed) { "\($0.signingInput())." },
        .token("absent", .tokenMalformed) { $0.signingInput() },
        .token("one byte", .signatureInvalid) { "\($0.signingInput()).AA" },
        .token("of another token", .signatureInvalid) { bench in
          let other = try bench.token(claims: bench.claims().setting("sub", "\"mallory\"").text)
          return "\(bench.signingInput()).\(other.split(separator: ".").last ?? "")"
        },
        .token("of a stranger's key", .signatureInvalid) { bench in
          try bench.token(by: AttackBench.stranger(bench))
        },
        .token("over the payload only", .signatureInvalid) { bench in
          let input = bench.signingInput()
          let payload = Array(input.utf8.drop { $0 != UInt8(ascii: ".") }.dropFirst())
          return bench.forged(
            input,
            try bench.keys.es256.signature(over: payload, algorithm: "ES256")
          )
        },
      ]
    ),
    Attack(
      "A16",
      "psychic signatures",
      "CVE-2022-21449; Wycheproof SpecialCaseEs256",
      Self.curves.flatMap { curve in
        let n = RawNumber(bigEndian: curve.order)
        let one = RawNumber(bigEndian: [1])
        let half = RawNumber(bigEndian: curve.order.dropLast() + [0])
        let values: [(String, RawNumber)] = [
          ("0", RawNumber(bigEndian: [])), ("1", one), ("n", n), ("n-1", n - one), ("n+1", n + one),
          ("near n", half),
        ]
        return values.flatMap { r in
          values.map { s in
            AttackVariant.token("\(curve.name), r=\(r.0), s=\(s.0)", .signatureInvalid) { bench in
              let length = curve.order.count
              let signature = r.1.bigEndian(length: length) + s.1.bigEndian(length: length)
              return bench.forged(bench.signingInput(curve.signer(bench)), signature)
            } twin: { bench in
              try bench.token(by: curve.signer(bench))
            }
          }
        }
      }
        + Self.curves.map { curve in
          .changed("\(curve.name), r and s greater than n", curve.signer) { signature, _ in
            [UInt8](repeating: 0xFF, count: signature.count)
          }
        }
    ),
    Attack(
      "A17",
      "ECDSA signature forms",
      "RFC 7518 §3.4; Wycheproof ecdsa_*",
      Self.curves.flatMap { curve -> [AttackVariant] in
        [
          .changed("\(curve.name) in DER", curve.signer) { signature, _ in Self.der(signature) },
          .changed("\(curve.name), one byte less", curve.signer) { s, _ in s.dropLast() },
          .changed("\(curve.name), first byte missing", curve.signer) { s, _ in
            Array(s.dropFirst())
          },
          .changed("\(curve.name), one byte more", curve.signer) { signature, _ in signature + [0]
          },
          .changed("\(curve.name), a zero before r and s", curve.signer) { signature, _ in
            let half = signature.count / 2
            return [0] + signature.prefix(half) + [0] + signature.suffix(half)
          },
          .changed("\(curve.name), twice", curve.signer) { signature, _ in signature + signature },
          .changed("\(curve.name), r and s exchanged", curve.signer) { signature, _ in
            Array(signature.suffix(signature.count / 2) + signature.prefix(signature.count / 2))
          },
        ]
      }
    ),
    Attack(
      "A18",
      "ECDSA malleability",
      "RFC 7518 §3.4",
      [
        AttackVariant(
          "the second valid signature works, and is withdrawn with the first",
          .calls { bench in
            let claims = bench.claims().setting("jti", "\"malleable\"").text
            let token = try bench.token(claims: claims)
            let twin = try Self.secondSignature(of: token)
            return [
              .twin(bench.call(token, nil, .guardOnly)),
              .twin(bench.call(twin, nil, .guardOnly)),
              AttackStep(.preparation, .revoke("malleable", of: AttackBench.issuer)),
              .attack(bench.call(twin, nil, .guardOnly), .tokenRevoked),
              .attack(bench.call(token, nil, .guardOnly), .tokenRevoked),
            ]
          }
        ),
        AttackVariant(
          "the second valid signature does not use a single-use token twice",
          .calls { bench in
            let claims = bench.claims(bench.singleUse).setting("jti", "\"once-malleable\"").text
            let token = try bench.token(claims: claims, by: bench.singleUse)
            return [
              .twin(bench.call(token, nil, .guardOnly)),
              .attack(
                bench.call(try Self.secondSignature(of: token), nil, .guardOnly),
                .tokenRevoked
              ),
            ]
          }
        ),
      ]
    ),
    Attack(
      "A19",
      "RSA PKCS#1 v1.5 forgeries",
      "RFC 8017 §8.2.2; Bleichenbacher 2006; Wycheproof rs256",
      RSAForgeries.pkcs1
    ),
    Attack(
      "A20",
      "PSS parameters",
      "RFC 7518 §3.5; Wycheproof rsa_pss_2048_sha256_mgf1_0, mgf1sha1_20",
      RSAForgeries.pss
    ),
    Attack(
      "A21",
      "Ed25519 edge cases",
      "RFC 8032 §5.1.7; RFC 8037; Wycheproof ed25519",
      [
        .changed("S + L", \.eddsa) { signature, _ in
          let s = RawNumber(littleEndian: Array(signature.suffix(32)))
          let l = RawNumber(bigEndian: CurveOrder.ed25519)
          return signature.prefix(32) + (s + l).littleEndian(length: 32)
        },
        .changed("63 bytes", \.eddsa) { signature, _ in signature.dropLast() },
        .changed("65 bytes", \.eddsa) { signature, _ in signature + [0] },
        .changed("all zeros", \.eddsa) { _, _ in [UInt8](repeating: 0, count: 64) },
        .changed("R is the neutral element, S is 0", \.eddsa) { _, _ in
          [1] + [UInt8](repeating: 0, count: 63)
        },
        .changed("R of order 2, S is 0", \.eddsa) { _, _ in
          [0xEC] + [UInt8](repeating: 0xFF, count: 30) + [0x7F]
            + [UInt8](repeating: 0, count: 32)
        },
        .changed("R not canonical", \.eddsa) { signature, _ in
          [0xEE] + [UInt8](repeating: 0xFF, count: 30) + [0x7F] + signature.suffix(32)
        },
        .changed("S is L", \.eddsa) { signature, _ in
          signature.prefix(32)
            + RawNumber(bigEndian: CurveOrder.ed25519).littleEndian(length: 32)
        },
        .changed("the sign of R turned", \.eddsa) { signature, _ in
          signature.prefix(31) + [signature[31] ^ 0x80] + signature.suffix(32)
        },
      ]
    ),
    Attack(
      "A22",
      "HMAC truncation and extension",
      "Wycheproof hmac_sha256_test, hmac_sha384_test",
      [
        .changed("31 bytes", \.symmetric) { mac, _ in mac.dropLast() },
        .changed("16 bytes", \.symmetric) { mac, _ in Array(mac.prefix(16)) },
        .changed("1 byte", \.symmetric) { mac, _ in Array(mac.prefix(1)) },
        .changed("33 bytes", \.symmetric) { mac, _ in mac + [0] },
        .changed("last bit turned", \.symmetric) { mac, _ in mac.dropLast() + [mac[31] ^ 1] },
        .changed("first bit turned", \.symmetric) { mac, _ in [mac[0] ^ 0x80] + mac.dropFirst() },
        .changed("zeros", \.symmetric) { mac, _ in [UInt8](repeating: 0, count: mac.count) },
        .changed("HS512 cut to 32 bytes", \.symmetric) { _, bench in
          let mac = try bench.keys.secret.signature(
            over: Array(bench.signingInput(bench.symmetric).utf8),
            algorithm: "HS512"
          )
          return Array(mac.prefix(32))
        },
      ]
    ),
  ]

  struct Curve: Sendable {
    let name: String
    let order: [UInt8]
    let signer: @Sendable (AttackBench) -> AttackBench.Signer
  }

  static let curves = [
    Curve(name: "ES256", order: CurveOrder.p256, signer: \.es256),
    Curve(name: "ES384", order: CurveOrder.p384, signer: \.es384),
    Curve(name: "ES512", order: CurveOrder.p521, signer: \.es512),
  ]

  /// r and n − s: valid wherever r and s are.
  private static func secondSignature(of token: String) throws -> String {
    let parts = token.split(separator: ".").map(String.init)
    let signature = Base64URL.decode(Array(parts[2].utf8)) ?? []
    let s = RawNumber(bigEndian: Array(signature.suffix(32)))
    let other = RawNumber(bigEndian: CurveOrder.p256) - s
    let bytes = signature.prefix(32) + other.bigEndian(length: 32)
    return "\(parts[0]).\(parts[1]).\(Base64URL.encode(Array(bytes)))"
  }

  /// SEQUENCE { INTEGER r, INTEGER s } (RFC 3279 §2.2.3).
  private static func der(_ signature: [UInt8]) -> [UInt8] {
    func integer(_ bytes: [UInt8]) -> [UInt8] {
      var value = Array(bytes.drop { $0 == 0 })
      if value.isEmpty || value[0] >= 0x80 { value.insert(0, at: 0) }
      return [0x02, UInt8(value.count)] + value
    }
    let half = signature.count / 2
    let content = integer(Array(signature.prefix(half))) + integer(Array(signature.suffix(half)))
    let length = UInt8(content.count)
    return (length < 0x80 ? [0x30, length] : [0x30, 0x81, length]) + content
  }
}

extension AttackVariant {
  /// A good token whose signature was changed.
  static func changed(
    _ name: String,
    _ signer: @escaping @Sendable (AttackBench) -> AttackBench.Signer,
    _ change: @escaping @Sendable ([UInt8], AttackBench) throws -> [UInt8]
  ) -> AttackVariant {
    .token(name, .signatureInvalid) { bench in
      let signer = signer(bench)
      let input = bench.signingInput(signer)
      let signature = try signer.key.signature(
        over: Array(input.utf8),
        algorithm: signer.algorithm
      )
      return bench.forged(input, try change(signature, bench))
    } twin: { bench in
      try bench.token(by: signer(bench))
    }
  }
}
