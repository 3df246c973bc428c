// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import CryptoExtras
internal import Foundation
internal import NIOSSL
internal import SwiftASN1
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPCHTTP2
internal import TokenwardTestKit
internal import X509

/// What a client makes of a server's certificates, without the host name, which the TLS library
/// compares (`TLSTrustTests`).
@Suite("A server's certificate")
struct ServerVerificationTests {
  private func isAccepted(
    _ presented: [Issued],
    roots: [Issued],
    clock: ManualClock = ManualClock()
  ) async throws -> Bool {
    let folder = try TLSFolder.with(roots: roots)
    let verification = ServerVerification(roots: try folder.trustRoots(), time: clock)
    switch await verification.result(for: try presented.map { try $0.nio }) {
    case .certificateVerified: return true
    case .failed: return false
    }
  }

  /// A server's own certificate, one of an intermediate authority, and a root, with changes.
  private func isAccepted(
    own: (inout Issued.Form) -> Void = { _ in },
    intermediate: (inout Issued.Form) -> Void = { _ in },
    root: (inout Issued.Form) -> Void = { _ in },
    clock: ManualClock = ManualClock()
  ) async throws -> Bool {
    let root = try Issued.root("Root", root)
    let authority = try root.issue(.authority, intermediate)
    let own = try authority.issue(Issued.Form(), own)
    return try await self.isAccepted([own, authority], roots: [root], clock: clock)
  }

  @Test("is accepted with a chain to a root, directly or through others")
  func good() async throws {
    #expect(try await self.isAccepted())
    let root = try Issued.root()
    #expect(try await self.isAccepted([try root.issue()], roots: [root]))
    let other = try Issued.root("Other")
    #expect(try await self.isAccepted([try root.issue()], roots: [other, root]))
  }

  @Test("is refused without a chain to a root")
  func unknown() async throws {
    let (root, other) = (try Issued.root(), try Issued.root("Other"))
    #expect(try await !self.isAccepted([try other.issue()], roots: [root]))
    // The same name, another key.
    #expect(try await !self.isAccepted([try Issued.root().issue()], roots: [root]))
    // A root that the server brings along.
    #expect(try await !self.isAccepted([try other.issue(), other], roots: [root]))
    // The link between is missing.
    let authority = try root.issue(.authority)
    #expect(try await !self.isAccepted([try authority.issue()], roots: [root]))
    #expect(try await self.isAccepted([try authority.issue(), authority], roots: [root]))
    #expect(try await !self.isAccepted([], roots: [root]))
  }

  @Test("is refused outside of the dates of any certificate of its chain")
  func dates() async throws {
    // By the machine's clock, all of them are valid.
    let start = UnixTime(seconds: 1_600_000_000)
    let end = UnixTime(seconds: 2_200_000_000)
    for (time, isGood) in [
      (start.adding(seconds: -1), false), (start, true), (end, true),
      (end.adding(seconds: 1), false),
    ] {
      func dates(_ form: inout Issued.Form) {
        form.from = start
        form.to = end
      }
      let clock = ManualClock(time)
      #expect(try await self.isAccepted(own: dates, clock: clock) == isGood)
      #expect(try await self.isAccepted(intermediate: dates, clock: clock) == isGood)
      #expect(try await self.isAccepted(root: dates, clock: clock) == isGood)
    }
  }

  @Test("is refused by the machine's clock too, whatever the other one says")
  func machineClock() async throws {
    // Expired in 2021; the manual clock stands in 2020.
    let clock = ManualClock(UnixTime(seconds: 1_600_000_000))
    #expect(try await self.isAccepted(clock: clock))
    #expect(
      try await !self.isAccepted(
        own: { $0.to = UnixTime(seconds: 1_610_000_000) },
        clock: clock
      )
    )
  }

  @Test("is refused while the clock cannot be read")
  func clock() async throws {
    let clock = ManualClock()
    #expect(try await self.isAccepted(clock: clock))
    clock.setFailed()
    #expect(try await !self.isAccepted(clock: clock))
  }

  @Test("is refused if one that is no authority signed it")
  func basicConstraints() async throws {
    #expect(try await !self.isAccepted(intermediate: { $0.isAuthority = false }))
    #expect(try await !self.isAccepted(intermediate: { $0.version = .v1 }))
    let root = try Issued.root()
    let old = try root.issue(.authority) { $0.version = .v1 }
    #expect(try await !self.isAccepted([try old.issue(), old], roots: [root]))
  }

  @Test("is refused if its chain is longer than an authority allows")
  func pathLength() async throws {
    for (length, isGood) in [(1, true), (0, false)] {
      #expect(try await self.isAccepted(root: { $0.pathLength = length }) == isGood)
    }
  }

  @Test("is refused if its authority may vouch for other names only")
  func nameConstraints() async throws {
    for (name, isGood) in [("localhost", true), ("example.com", false)] {
      let constraints = NameConstraints(permittedDNSDomains: [name])
      #expect(
        try await self.isAccepted(intermediate: { $0.constraints = constraints }) == isGood
      )
    }
    for (name, isGood) in [("localhost", false), ("example.com", true)] {
      let constraints = NameConstraints(excludedDNSDomains: [name])
      #expect(
        try await self.isAccepted(intermediate: { $0.constraints = constraints }) == isGood
      )
    }
  }

  @Test("is refused if its key, or that of an authority, is for other uses")
  func keyUsage() async throws {
    let (signs, certifies) = (KeyUsage(digitalSignature: true), KeyUsage(keyCertSign: true))
    #expect(try await !self.isAccepted(own: { $0.usage = certifies }))
    #expect(try await !self.isAccepted(own: { $0.usage = KeyUsage(keyAgreement: true) }))
    #expect(try await self.isAccepted(own: { $0.usage = nil }))
    for usage in [signs, KeyUsage(cRLSign: true)] {
      #expect(try await !self.isAccepted(intermediate: { $0.usage = usage }))
      #expect(try await !self.isAccepted(root: { $0.usage = usage }))
    }
    #expect(try await self.isAccepted(intermediate: { $0.usage = nil }, root: { $0.usage = nil }))
  }

  @Test("is refused if it, or an authority, is for other purposes than servers")
  func extendedKeyUsage() async throws {
    #expect(try await self.isAccepted(own: { $0.purposes = [.clientAuth, .serverAuth] }))
    #expect(try await self.isAccepted(own: { $0.purposes = nil }))
    #expect(try await self.isAccepted(intermediate: { $0.purposes = [.serverAuth] }))
    for purposes in [[ExtendedKeyUsage.Usage.clientAuth], [.codeSigning], [.any]] {
      #expect(try await !self.isAccepted(own: { $0.purposes = purposes }))
      #expect(try await !self.isAccepted(intermediate: { $0.purposes = purposes }))
    }
  }

  @Test("is refused if it names no host but in its common name")
  func names() async throws {
    #expect(try await !self.isAccepted(own: { $0.names = [] }))
    #expect(try await self.isAccepted(own: { $0.names = [.dnsName("any.example")] }))
  }

  @Test("is refused if it, or an authority, has a critical extension that nobody here knows")
  func unknownCritical() async throws {
    #expect(try await !self.isAccepted(own: { $0.unknownCritical = true }))
    #expect(try await !self.isAccepted(intermediate: { $0.unknownCritical = true }))
  }

  @Test("is refused if an extension that matters cannot be read")
  func unreadable() async throws {
    for extensionID in [
      ASN1ObjectIdentifier.X509ExtensionID.keyUsage, .X509ExtensionID.extendedKeyUsage,
    ] {
      #expect(try await !self.isAccepted(own: { $0.unreadable = extensionID }))
      #expect(try await !self.isAccepted(intermediate: { $0.unreadable = extensionID }))
    }
  }

  @Test("is refused if it, or an authority, is signed with SHA-1")
  func sha1() async throws {
    let key = Certificate.PrivateKey(try _RSA.Signing.PrivateKey(keySize: .bits2048))
    for (algorithm, isGood) in [
      (Certificate.SignatureAlgorithm.sha256WithRSAEncryption, true),
      (.sha1WithRSAEncryption, false),
    ] {
      let root = try Issued.root {
        $0.key = key
        $0.signature = algorithm
      }
      let own = try root.issue { $0.signature = algorithm }
      #expect(try await self.isAccepted([own], roots: [root]) == isGood)
      let authority = try root.issue(.authority) { $0.signature = algorithm }
      let other = try authority.issue()
      #expect(try await self.isAccepted([other, authority], roots: [root]) == isGood)
    }
    // A root is trusted without its signature.
    let root = try Issued.root {
      $0.key = key
      $0.signature = .sha1WithRSAEncryption
    }
    let own = try root.issue { $0.signature = .sha256WithRSAEncryption }
    #expect(try await self.isAccepted([own], roots: [root]))
  }

  @Test("is refused if more certificates come with it than a chain has, at once")
  func tooMany() async throws {
    let root = try Issued.root()
    var chain: [Issued] = []
    for _ in 0 ..< 4 { chain.append(try (chain.last ?? root).issue(.authority)) }
    let own = try #require(chain.last).issue()
    #expect(try await self.isAccepted([own] + chain.reversed(), roots: [root]))
    #expect(try await self.isAccepted([own] + chain, roots: [root]))
    #expect(try await !self.isAccepted([own] + chain + [root], roots: [root]))
  }

  @Test("is refused in a moment, although it leads through authorities that all signed each other")
  func maze() async throws {
    // One name and one key: each of them can stand above each other one.
    let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
    let first = try Issued.root("Maze") { $0.key = key }
    let maze = try (0 ..< 4).map { index in
      try first.issue(.authority) {
        $0.subject = "Maze"
        $0.key = key
        $0.names = [.dnsName("\(index).example")]
      }
    }
    let start = ContinuousClock.now
    #expect(try await !self.isAccepted([try first.issue()] + maze, roots: [try Issued.root()]))
    #expect(ContinuousClock.now - start < .seconds(5))
  }

  @Test("is refused with any byte of it wrong, and nothing stops but the handshake")
  func mutations() async throws {
    let root = try Issued.root()
    let folder = try TLSFolder.with(roots: [root])
    let verification = ServerVerification(roots: try folder.trustRoots(), time: ManualClock())
    let good = try root.issue()
    let der = try good.der
    // The number of spare bits in the last byte of the signature is not signed, and says nothing.
    let signature: [UInt8] = [0x04, 0x03, 0x02, 0x03]
    let spare = der.indices.last { der[..<$0].suffix(5).starts(with: signature) }
    var parsed = 0
    for index in der.indices where index != spare {
      for value in [der[index] ^ 1, der[index] ^ 0x80, 0, 0xFF] where value != der[index] {
        var bytes = der
        bytes[index] = value
        guard let certificate = try? NIOSSLCertificate(bytes: bytes, format: .der) else { continue }
        parsed += 1
        #expect(await verification.result(for: [certificate]) == .failed)
      }
    }
    #expect(parsed > 100)
    #expect(try await self.isAccepted([good], roots: [root]))
  }
}
