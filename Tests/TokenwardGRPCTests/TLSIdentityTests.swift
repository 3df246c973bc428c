// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import CryptoExtras
internal import Foundation
internal import GRPCNIOTransportHTTP2
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPCHTTP2
internal import TokenwardTestKit
internal import X509

@Suite("A certificate and its key in files")
struct TLSIdentityTests {
  private static let now = ManualClock.defaultStart

  /// What is said about the files of a folder that `spoil` has changed; nil if they are good.
  private func problem(
    clock: ManualClock = ManualClock(),
    _ spoil: (TLSFolder, Issued) throws -> Void
  ) throws -> String? {
    let root = try Issued.root()
    let folder = try TLSFolder.with(try root.issue())
    try spoil(folder, root)
    do {
      _ = try folder.identity(time: clock)
      return nil
    } catch let error as ConfigurationError {
      let problem = try #require(error.problems.first)
      #expect(!problem.hint.isEmpty)
      return "\(problem.path): \(problem.problem)"
    }
  }

  @Test("are read as a pair")
  func good() throws {
    #expect(try self.problem { _, _ in } == nil)
    let root = try Issued.root()
    let folder = try TLSFolder()
    let own = try root.issue { $0.to = Self.now.adding(seconds: 60) }
    try folder.write(own, followedBy: [root])
    let identity = try folder.identity()
    #expect(identity.status.lastSuccess == Self.now)
    #expect(identity.status.problem == nil)
    #expect(identity.status.notAfter == Self.now.adding(seconds: 60))
    #expect(identity.status.reloads == 0)
    #expect(folder.log.all == [])
  }

  @Test("may have keys of every usual kind, but none that needs a passphrase")
  func kinds() throws {
    let keys = [
      Certificate.PrivateKey(P256.Signing.PrivateKey()),
      Certificate.PrivateKey(P384.Signing.PrivateKey()),
      Certificate.PrivateKey(P521.Signing.PrivateKey()),
      Certificate.PrivateKey(Curve25519.Signing.PrivateKey()),
      Certificate.PrivateKey(try _RSA.Signing.PrivateKey(keySize: .bits2048)),
    ]
    for key in keys {
      let problem = try self.problem { folder, root in
        try folder.write(try root.issue { $0.key = key })
      }
      #expect(problem == nil)
    }
    let problem = try self.problem { folder, root in
      let own = try root.issue()
      try folder.write(own)
      let text = try own.keyPEM.replacingOccurrences(of: "PRIVATE", with: "ENCRYPTED PRIVATE")
      try folder.write(text, to: folder.key)
    }
    #expect(problem?.contains("without a passphrase") == true)
  }

  @Test("are refused if one of them is not there")
  func missing() throws {
    for path in [\TLSFolder.chain, \.key] {
      let problem = try self.problem { folder, _ in
        try FileManager.default.removeItem(atPath: folder[keyPath: path])
      }
      #expect(problem?.contains("cannot be read") == true)
    }
  }

  @Test("are refused if the key is that of another certificate")
  func wrongKey() throws {
    let problem = try self.problem { folder, root in
      try folder.write(try root.issue().keyPEM, to: folder.key)
    }
    #expect(problem?.contains("is not the key of the first certificate") == true)
  }

  @Test("are refused if the server's own certificate is not the first")
  func wrongOrder() throws {
    let problem = try self.problem { folder, root in
      let own = try root.issue()
      try folder.write(try root.pem + "\n" + own.pem, to: folder.chain)
      try folder.write(own.keyPEM, to: folder.key)
    }
    #expect(problem?.contains("is not the key of the first certificate") == true)
  }

  @Test("are refused outside of the certificate's dates, which include both of their seconds")
  func dates() throws {
    func problem(from: Int64, to: Int64) throws -> String? {
      try self.problem { folder, root in
        try folder.write(
          root.issue {
            $0.from = Self.now.adding(seconds: from)
            $0.to = Self.now.adding(seconds: to)
          }
        )
      }
    }
    #expect(try problem(from: 0, to: 60) == nil)
    #expect(try problem(from: 1, to: 60)?.contains("is not valid before") == true)
    #expect(try problem(from: -60, to: 0) == nil)
    #expect(try problem(from: -60, to: -1)?.contains("has expired") == true)
  }

  @Test("are refused while the clock cannot be read")
  func clock() throws {
    let clock = ManualClock()
    #expect(try self.problem(clock: clock) { _, _ in } == nil)
    clock.setFailed()
    #expect(try self.problem(clock: clock) { _, _ in }?.contains("clock") == true)
  }

  @Test(
    "are refused if the wrong people can read the key or write either file",
    arguments: [
      ("tls.key", 0o640, 0o644), ("tls.key", 0o640, 0o660), ("tls.crt", 0o644, 0o646),
    ]
  )
  func rights(_ name: String, good: Int, bad: Int) throws {
    for (mode, isGood) in [(good, true), (bad, false)] {
      let problem = try self.problem { folder, _ in
        try FileManager.default.setAttributes(
          [.posixPermissions: mode],
          ofItemAtPath: "\(folder.path)/\(name)"
        )
      }
      #expect((problem == nil) == isGood)
    }
  }

  @Test("are refused if the certificate's file holds a key, which everybody may read there")
  func keyAmongCertificates() throws {
    let problem = try self.problem { folder, root in
      let own = try root.issue()
      try folder.write(own)
      try folder.write(own.pem + "\n" + own.keyPEM, to: folder.chain)
    }
    #expect(problem?.contains("holds a private key") == true)
  }

  @Test(
    "are refused if a file is not whole, or is something else",
    arguments: ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
  )
  func garbage(_ text: String) throws {
    for path in [\TLSFolder.chain, \.key] {
      let problem = try self.problem { folder, _ in
        try folder.write(text, to: folder[keyPath: path])
      }
      #expect(problem != nil)
    }
  }

  @Test("are refused if the last certificate of the chain is cut off, instead of shown without it")
  func cutOff() throws {
    let revocations = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"
    let rests: [@Sendable (String) -> String] = [
      { String($0.dropLast(40)) }, { String($0.prefix(14)) }, { $0 + "\n" + revocations },
    ]
    for rest in rests {
      let problem = try self.problem { folder, root in
        let own = try root.issue()
        try folder.write(own)
        try folder.write(own.pem + "\n" + rest(root.pem), to: folder.chain)
      }
      #expect(problem?.contains("no whole certificate") == true)
    }
  }

  @Test("are refused if there are two keys, and read if there are parameters beside one")
  func blocks() throws {
    let twice = try self.problem { folder, root in
      let own = try root.issue()
      try folder.write(own)
      try folder.write(own.keyPEM + "\n" + root.issue().keyPEM, to: folder.key)
    }
    #expect(twice?.contains("holds no private key") == true)
    let parameters = try self.problem { folder, root in
      let own = try root.issue()
      try folder.write(own)
      let block = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
      try folder.write(block + own.keyPEM, to: folder.key)
    }
    #expect(parameters == nil)
  }

  @Test("are refused if a file is longer than such a file can be")
  func length() throws {
    let key = try self.problem { folder, _ in
      let text = try String(contentsOfFile: folder.key, encoding: .utf8)
      try folder.write(text + String(repeating: "\n", count: 70_000), to: folder.key)
    }
    #expect(key?.contains("is longer than") == true)
    let chain = try self.problem { folder, _ in
      let text = try String(contentsOfFile: folder.chain, encoding: .utf8)
      try folder.write(text + String(repeating: "\n", count: 1_100_000), to: folder.chain)
    }
    #expect(chain?.contains("is longer than") == true)
  }

  @Test("are not looked at more often than each second, nor less than once a day")
  func interval() throws {
    let folder = try TLSFolder.with(try Issued.root().issue())
    for (seconds, isGood) in [(0, false), (1, true), (86_400, true), (86_401, false)] {
      func make() throws {
        _ = try ReloadingIdentity(
          certificateChain: folder.chain,
          privateKey: folder.key,
          interval: .seconds(seconds),
          time: ManualClock()
        )
      }
      if isGood {
        try make()
      } else {
        #expect(throws: ConfigurationError.self) { try make() }
      }
    }
  }

  @Test("show nothing of the key in descriptions, mirrors, errors and logs")
  func redaction() throws {
    let root = try Issued.root()
    let own = try root.issue()
    let folder = try TLSFolder.with(own)
    let identity = try folder.identity()
    let security = try GuardedTransportSecurity.tls(identity: identity)
    let fixed = GuardedTransportSecurity.tls(
      certificateChain: [.bytes(try own.der, format: .der)],
      privateKey: .bytes(Array(try own.keyPEM.utf8), format: .pem)
    )
    let other = try root.issue()
    try folder.write(other.keyPEM, to: folder.key)
    identity.reload()
    try folder.write(other.keyPEM.replacingOccurrences(of: "END", with: "ENDE"), to: folder.key)
    identity.reload()
    var dumped = ""
    for value: Any in [identity, security, fixed, identity.status] {
      dump(value, to: &dumped)
      dumped += "\(value) \(String(reflecting: value))"
    }
    dumped += folder.log.all.joined()
    #expect(folder.log.warnings.count == 2)
    for secret in [own, other] {
      let lines = try secret.keyPEM.split(separator: "\n").filter { !$0.hasPrefix("-----") }
      for line in lines { #expect(!dumped.contains(line)) }
      // Bytes of a key as an array of numbers.
      let start = try Array(secret.keyPEM.utf8.prefix(60).suffix(8)).map(String.init)
      #expect(!dumped.contains(start.joined(separator: ", ")))
      #expect(!dumped.contains(start.map { "- \($0)" }.joined(separator: "\n")))
    }
    #expect(!dumped.contains("- 45\n"))
  }
}
