// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import CryptoExtras

/// The message encodings of RFC 8017 §9 for 2,048-bit keys, with every parameter open: the wrong
/// ones are what is tested.
enum RSAEncoding {
  static let length = 256

  /// EMSA-PKCS1-v1_5 (RFC 8017 §9.2).
  static func pkcs1<Hash: HashFunction>(
    _ hash: Hash.Type,
    of message: [UInt8]
  ) throws -> [UInt8] {
    self.pkcs1(digestInfo: self.digestInfo(hash) + Array(Hash.hash(data: message)))
  }

  static func pkcs1(digestInfo: [UInt8], blockType: UInt8 = 1, fill: UInt8 = 0xFF) -> [UInt8] {
    let padding = [UInt8](repeating: fill, count: self.length - 3 - digestInfo.count)
    return [0, blockType] + padding + [0] + digestInfo
  }

  /// The DER prefix of `DigestInfo` (RFC 8017 §9.2, note 1).
  static func digestInfo<Hash: HashFunction>(_: Hash.Type) -> [UInt8] {
    let length = UInt8(Hash.Digest.byteCount)
    let arc: UInt8 = length == 32 ? 1 : length == 48 ? 2 : 3
    let oid: [UInt8] = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, arc]
    return [0x30, length + 17, 0x30, 13] + oid + [0x05, 0x00, 0x04, length]
  }

  /// EMSA-PSS (RFC 8017 §9.1.1).
  /// - Parameters:
  ///   - mask: the hash of MGF1, where it differs.
  ///   - saltLength: the length of the salt; as long as the hash unless given.
  ///   - trailer: the last byte.
  static func pss<Hash: HashFunction>(
    _ hash: Hash.Type,
    of message: [UInt8],
    mask: ((_ seed: [UInt8], _ count: Int) -> [UInt8])? = nil,
    saltLength: Int? = nil,
    trailer: UInt8 = 0xBC
  ) throws -> [UInt8] {
    let salt = (0 ..< (saltLength ?? Hash.Digest.byteCount)).map { _ in UInt8.random(in: 0 ... 255)
    }
    let digest = Array(Hash.hash(data: message))
    let hashed = Array(Hash.hash(data: [UInt8](repeating: 0, count: 8) + digest + salt))
    let dataLength = self.length - hashed.count - 1
    let padding = [UInt8](repeating: 0, count: dataLength - salt.count - 1)
    let block = padding + [1] + salt
    let stream = mask?(hashed, dataLength) ?? self.mgf1(hash, hashed, dataLength)
    var masked = zip(block, stream).map { $0 ^ $1 }
    masked[0] &= 0x7F
    return masked + hashed + [trailer]
  }

  /// MGF1 (RFC 8017 §B.2.1).
  static func mgf1<Hash: HashFunction>(_: Hash.Type, _ seed: [UInt8], _ count: Int) -> [UInt8] {
    var stream: [UInt8] = []
    var counter: UInt8 = 0
    while stream.count < count {
      stream += Array(Hash.hash(data: seed + [0, 0, 0, counter]))
      counter += 1
    }
    return Array(stream.prefix(count))
  }

  static func sha1MGF1(_ seed: [UInt8], _ count: Int) -> [UInt8] {
    self.mgf1(Insecure.SHA1.self, seed, count)
  }
}
