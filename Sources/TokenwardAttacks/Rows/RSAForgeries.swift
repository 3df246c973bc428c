// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import CryptoExtras
internal import TokenwardCore

/// Signatures made with the real private key over a wrong encoding: what a verifier that reads the
/// padding carelessly would let pass.
enum RSAForgeries {
  static let pkcs1: [AttackVariant] = [
    Self.encoded("block type 2", \.rs256) { RSAEncoding.pkcs1(digestInfo: $0, blockType: 2) },
    Self.encoded("block type 0", \.rs256) { RSAEncoding.pkcs1(digestInfo: $0, blockType: 0) },
    Self.encoded("padding of zeros", \.rs256) { RSAEncoding.pkcs1(digestInfo: $0, fill: 0) },
    Self.encoded("padding of 0xFE", \.rs256) { RSAEncoding.pkcs1(digestInfo: $0, fill: 0xFE) },
    Self.encoded("eight bytes of padding and zeros after the hash", \.rs256) {
      Self.shortPadding(8, $0, fill: 0)
    },
    Self.encoded("eight bytes of padding and anything after the hash", \.rs256) {
      Self.shortPadding(8, $0, fill: 0xA5)
    },
    Self.encoded("no padding and anything after the hash", \.rs256) {
      Self.shortPadding(0, $0, fill: 0xA5)
    },
    Self.encoded("one byte of padding short, one byte after the hash", \.rs256) {
      RSAEncoding.pkcs1(digestInfo: $0 + [0])
    },
    Self.encoded("no DigestInfo", \.rs256) { RSAEncoding.pkcs1(digestInfo: $0.suffix(32)) },
    Self.encoded("the parameters are absent instead of NULL", \.rs256) { info in
      RSAEncoding.pkcs1(
        digestInfo: [0x30, 47, 0x30, 11] + info[4 ..< 15] + [0x04, 32] + info.suffix(32)
      )
    },
    Self.encoded("garbage in the parameters", \.rs256) { info in
      RSAEncoding.pkcs1(
        digestInfo: [0x30, 57, 0x30, 21] + info[4 ..< 15] + [0x04, 8]
          + [UInt8](repeating: 7, count: 8)
          + [0x04, 32] + info.suffix(32)
      )
    },
    Self.encoded("a long form of a BER length", \.rs256) { info in
      RSAEncoding.pkcs1(digestInfo: [0x30, 0x81, 49] + info.dropFirst(2))
    },
    Self.encoded("the OID of SHA-384 before a SHA-256 hash", \.rs256) { info in
      RSAEncoding.pkcs1(digestInfo: info[0 ..< 14] + [2] + info.dropFirst(15))
    },
    Self.encoded("the OID of SHA-1 before a SHA-256 hash", \.rs256) { info in
      RSAEncoding.pkcs1(
        digestInfo: [
          0x30, 45, 0x30, 9, 0x06, 5, 0x2B, 0x0E, 0x03, 0x02, 0x1A, 0x05, 0x00, 0x04, 32,
        ]
          + info.suffix(32)
      )
    },
    Self.encoded("trailing data inside DigestInfo", \.rs256) { info in
      RSAEncoding.pkcs1(digestInfo: [0x30, 51] + info.dropFirst(2) + [0x05, 0x00])
    },
    Self.other("a signature by SHA-384", \.rs256, "RS384"),
    Self.other("a signature by SHA-512", \.rs256, "RS512"),
    Self.other("a signature by PSS", \.rs256, "PS256"),
    .changed("0", \.rs256) { signature, _ in [UInt8](repeating: 0, count: signature.count) },
    .changed("1", \.rs256) { s, _ in [UInt8](repeating: 0, count: s.count - 1) + [1] },
    .changed("n", \.rs256) { _, bench in try bench.keys.rsa.modulus },
    .changed("n - 1", \.rs256) { _, bench in
      let n = RawNumber(bigEndian: try bench.keys.rsa.modulus)
      return (n - RawNumber(bigEndian: [1])).bigEndian(length: RSAEncoding.length)
    },
    .changed("n + 1", \.rs256) { _, bench in
      let n = RawNumber(bigEndian: try bench.keys.rsa.modulus)
      return (n + RawNumber(bigEndian: [1])).bigEndian(length: RSAEncoding.length)
    },
    .changed("n - s", \.rs256) { signature, bench in
      let n = RawNumber(bigEndian: try bench.keys.rsa.modulus)
      return (n - RawNumber(bigEndian: signature)).bigEndian(length: RSAEncoding.length)
    },
    .changed("s + n", \.rs256) { signature, bench in
      let n = RawNumber(bigEndian: try bench.keys.rsa.modulus)
      return (n + RawNumber(bigEndian: signature)).bigEndian(length: RSAEncoding.length)
    },
    .changed("a leading zero", \.rs256) { signature, _ in [0] + signature },
    .changed("a trailing zero", \.rs256) { signature, _ in signature + [0] },
    .changed("one byte less", \.rs256) { signature, _ in signature.dropLast() },
    .token("a cube root for a key with exponent 3", .signatureInvalid) { bench in
      let header = bench.header(bench.rs256).setting("kid", "\"rsa3\"")
      let input = bench.signingInput(bench.rs256, header: header)
      let info = RSAEncoding.digestInfo(SHA256.self) + Array(SHA256.hash(data: Array(input.utf8)))
      let target = RawNumber(bigEndian: Self.shortPadding(8, info, fill: 0xFF))
      return bench.forged(input, target.cubeRoot(bits: 684).bigEndian(length: RSAEncoding.length))
    } twin: { bench in
      try bench.token(by: bench.rs256)
    },
  ]

  static let pss: [AttackVariant] =
    [0, 20, 31, 33, 48, 222].map { (length: Int) in
      Self.signed("a salt of \(length) bytes", \.ps256) { message in
        try RSAEncoding.pss(SHA256.self, of: message, saltLength: length)
      }
    } + [
      Self.signed("MGF1 with SHA-1", \.ps256) { message in
        try RSAEncoding.pss(SHA256.self, of: message, mask: RSAEncoding.sha1MGF1)
      },
      Self.signed("MGF1 with SHA-1 and a salt of 20 bytes", \.ps256) { message in
        try RSAEncoding.pss(SHA256.self, of: message, mask: RSAEncoding.sha1MGF1, saltLength: 20)
      },
      Self.signed("MGF1 with SHA-512", \.ps256) { message in
        try RSAEncoding.pss(SHA256.self, of: message) { RSAEncoding.mgf1(SHA512.self, $0, $1) }
      },
      Self.signed("another trailer", \.ps256) { message in
        try RSAEncoding.pss(SHA256.self, of: message, trailer: 0xCC)
      },
      Self.other("hashed with SHA-384", \.ps256, "PS384"),
      Self.other("hashed with SHA-512", \.ps256, "PS512"),
      Self.other("PKCS#1 v1.5 under the name of PSS", \.ps256, "RS256"),
      .changed("a leading zero", \.ps256) { signature, _ in [0] + signature },
      .changed("one byte more", \.ps256) { signature, _ in signature + [0] },
      .changed("one byte less", \.ps256) { signature, _ in signature.dropLast() },
      .changed("n", \.ps256) { _, bench in try bench.keys.ps256.modulus },
    ]

  /// - Parameter encode: from a right `DigestInfo` with its hash to the block that is signed.
  private static func encoded(
    _ name: String,
    _ signer: @escaping @Sendable (AttackBench) -> AttackBench.Signer,
    _ encode: @escaping @Sendable ([UInt8]) -> [UInt8]
  ) -> AttackVariant {
    self.signed(name, signer) { message in
      encode(RSAEncoding.digestInfo(SHA256.self) + Array(SHA256.hash(data: message)))
    }
  }

  private static func signed(
    _ name: String,
    _ signer: @escaping @Sendable (AttackBench) -> AttackBench.Signer,
    _ encode: @escaping @Sendable ([UInt8]) throws -> [UInt8]
  ) -> AttackVariant {
    .changed(name, signer) { _, bench in
      let signer = signer(bench)
      return try signer.key.raw(encode(Array(bench.signingInput(signer).utf8)))
    }
  }

  private static func other(
    _ name: String,
    _ signer: @escaping @Sendable (AttackBench) -> AttackBench.Signer,
    _ algorithm: String
  ) -> AttackVariant {
    .changed(name, signer) { _, bench in
      let signer = signer(bench)
      return try signer.key.signature(
        over: Array(bench.signingInput(signer).utf8),
        algorithm: algorithm
      )
    }
  }

  private static func shortPadding(_ count: Int, _ info: [UInt8], fill: UInt8) -> [UInt8] {
    let start = [0, 1] + [UInt8](repeating: 0xFF, count: count) + [0] + info
    return start + [UInt8](repeating: fill, count: RSAEncoding.length - start.count)
  }
}
