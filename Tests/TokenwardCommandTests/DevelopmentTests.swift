// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import ArgumentParser
import Foundation
import SwiftASN1
import Testing
import TokenwardCore
import TokenwardService
import X509

@testable import tokenward

@Suite("dev init and dev token")
final class DevelopmentTests {
  /// Kept until the test has ended: a folder goes with its owner.
  private var folders: [TemporaryFolder] = []

  /// One set of keys for all tests that only read it: an RSA key takes its time.
  private static let setup = Result {
    try DevelopmentSetup(names: ["orders.internal"], now: UnixTime(seconds: 2_000_000_000))
  }

  private func made() throws -> (folder: TemporaryFolder, path: String) {
    let folder = try TemporaryFolder()
    self.folders.append(folder)
    let path = "\(folder.path)/dev"
    try Self.setup.get().write(to: OpenDirectory.makingPrivate(path))
    return (folder, path)
  }

  @Test("the folder has mode 0700 and every file 0600")
  func modes() throws {
    let (_, path) = try self.made()
    #expect(try permissions(path) == 0o700)
    let names = try FileManager.default.contentsOfDirectory(atPath: path)
    #expect(names.count == 10)
    for name in names { #expect(try permissions("\(path)/\(name)") == 0o600, "\(name)") }
  }

  @Test("a file that is there is not overwritten, and nothing else is written")
  func refusesToOverwrite() throws {
    for name in ["ca.pem", "issuer-rs256.pem", "tokenward.yaml"] {
      let folder = try TemporaryFolder()
      _ = try folder.write(name, "mine")
      #expect(throws: CommandFailure.self) {
        try Self.setup.get().write(to: OpenDirectory.makingPrivate(folder.path))
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [name])
      #expect(try String(contentsOfFile: "\(folder.path)/\(name)", encoding: .utf8) == "mine")
    }
  }

  @Test("a symbolic link in the place of a file is not followed, even to nothing")
  func refusesLinks() throws {
    let folder = try TemporaryFolder()
    let inside = "\(folder.path)/dev"
    let outside = "\(folder.path)/outside"
    let directory = try OpenDirectory.makingPrivate(inside)
    try FileManager.default.createSymbolicLink(
      atPath: "\(inside)/server-key.pem",
      withDestinationPath: outside
    )
    #expect(throws: CommandFailure.self) { try directory.create("server-key.pem", [1]) }
    #expect(!FileManager.default.fileExists(atPath: outside))
    try directory.create("other.pem", [1])
    #expect(throws: CommandFailure.self) { try directory.create("other.pem", [2]) }
    #expect(FileManager.default.contents(atPath: "\(inside)/other.pem") == Data([1]))
  }

  @Test("a folder that others can enter, or a link to one, is refused")
  func refusesOpenFolders() throws {
    let folder = try TemporaryFolder()
    func refuses(_ path: String) -> Bool {
      do {
        _ = try OpenDirectory.makingPrivate(path)
        return false
      } catch {
        return true
      }
    }
    #expect(!refuses(folder.path))
    let link = "\(folder.path)/link"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: folder.path)
    #expect(refuses(link))
    #expect(refuses(try folder.write("file", "")))
    #expect(refuses("\(folder.path)/no/such"))
    for mode in [0o755, 0o750, 0o701] {
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: folder.path)
      #expect(refuses(folder.path))
    }
    try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder.path)
  }

  @Test("replacing a file leaves a private one and no draft")
  func replaces() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("token", "old")
    try OpenDirectory(existing: folder.path).replace("token", Array("new".utf8))
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "new")
    #expect(try permissions(path) == 0o600)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["token"])
  }

  @Test("the certificates are the authority's, short-lived, and for their names")
  func certificates() throws {
    let files = Dictionary(uniqueKeysWithValues: try Self.setup.get().files)
    let authority = try Certificate(pemEncoded: try #require(files["ca.pem"]))
    for (name, usage) in [
      ("server", ExtendedKeyUsage.Usage.serverAuth), ("client", .clientAuth),
    ] {
      let certificate = try Certificate(pemEncoded: try #require(files["\(name).pem"]))
      let key = try Certificate.PrivateKey(pemEncoded: try #require(files["\(name)-key.pem"]))
      #expect(key.publicKey == certificate.publicKey)
      #expect(authority.publicKey.isValidSignature(certificate.signature, for: certificate))
      #expect(
        certificate.notValidAfter.timeIntervalSince(certificate.notValidBefore) == 30 * 86_400 + 300
      )
      #expect(try certificate.extensions.extendedKeyUsage?.contains(usage) == true)
      #expect(try certificate.extensions.basicConstraints == .notCertificateAuthority)
      if name == "server" {
        let names = try #require(try certificate.extensions.subjectAlternativeNames)
        #expect(names.count == 4)
        #expect(
          names.contains(.dnsName("localhost")) && names.contains(.dnsName("orders.internal"))
        )
      }
    }
  }

  private func token(in path: String, at now: Int64, _ arguments: [String] = []) throws -> String {
    let line = ["--directory", path, "--ttl", "5m"] + arguments
    return try DevelopmentTokenCommand.parse(line).mint(at: now)
  }

  @Test("a minted token is accepted until it expires", arguments: DevelopmentAlgorithm.allCases)
  func minted(algorithm: DevelopmentAlgorithm) throws {
    let (_, path) = try self.made()
    let now: Int64 = 2_000_000_000
    let arguments = [
      "--scope", "orders.read orders.write", "--scope", "inventory.read", "--role", "admin",
      "--subject", "ada", "--alg", algorithm.rawValue,
    ]
    let token = Array(try self.token(in: path, at: now, arguments).utf8)
    let configuration = try Configuration(contentsOf: "\(path)/tokenward.yaml")
    func outcome(at seconds: Int64, _ method: String? = nil) throws -> TokenOutcome {
      try TokenDecision(
        verifier: configuration.makeVerifier(),
        policy: method == nil ? nil : configuration.makePolicy(),
        method: method.flatMap { RPCMethod(fullName: $0) },
        time: StoppedTime(time: UnixTime(seconds: seconds))
      ).decide(token)
    }
    #expect(try outcome(at: now).reason == nil)
    #expect(try outcome(at: now + 299).reason == nil)
    #expect(try outcome(at: now + 300).reason == .tokenExpired)
    #expect(try outcome(at: now - 1).reason == .tokenNotYetValid)
    #expect(try outcome(at: now, "tokenward.example.v1.Orders/Get").reason == nil)
    #expect(try outcome(at: now, "tokenward.example.v1.Inventory/GetStock").reason == nil)
    #expect(
      try outcome(at: now, "tokenward.example.v1.Inventory/Adjust").reason == .scopeInsufficient
    )
    #expect(try outcome(at: now, "tokenward.example.v1.Orders/Drop").reason == .methodUnlisted)

    let json = try outcome(at: now).json
    #expect(json.contains(#""verdict":"accept","reason":null,"#))
    #expect(json.contains(#""subject":"ada""#))
    #expect(json.contains(#""scopes":["orders.read","orders.write","inventory.read"]"#))
    #expect(json.contains(#""roles":["admin"]"#))
    #expect(try outcome(at: now).status == .success)
    #expect(try outcome(at: now + 300).status == .denied)
  }

  @Test("a token for another audience is minted, and denied here")
  func otherAudience() throws {
    let (_, path) = try self.made()
    let token = try self.token(in: path, at: 2_000_000_000, ["--audience", "elsewhere"])
    let decision = try TokenDecision(
      verifier: Configuration(contentsOf: "\(path)/tokenward.yaml").makeVerifier(),
      time: StoppedTime(time: UnixTime(seconds: 2_000_000_000))
    )
    #expect(decision.decide(Array(token.utf8)).reason == .audienceMismatch)
  }

  @Test("no token lives longer than the configuration allows, and every token has its own name")
  func limits() throws {
    let (_, path) = try self.made()
    let now: Int64 = 2_000_000_000
    #expect(throws: CommandFailure.self) { try self.token(in: path, at: now, ["--ttl", "61m"]) }
    let first = try self.token(in: path, at: now, ["--ttl", "1h"])
    #expect(try self.token(in: path, at: now, ["--ttl", "1h"]) != first)
  }

  @Test("a key that others can read is not used")
  func openKey() throws {
    let (_, path) = try self.made()
    let key = "\(path)/issuer-es256.pem"
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: key)
    #expect(throws: CommandFailure.self) { try self.token(in: path, at: 2_000_000_000) }
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
    _ = try self.token(in: path, at: 2_000_000_000)
  }

  @Test("a key shows nothing of itself", arguments: DevelopmentAlgorithm.allCases)
  func redacted(algorithm: DevelopmentAlgorithm) throws {
    let key = try DevelopmentKey(algorithm)
    var dumped = ""
    dump(key, to: &dumped)
    #expect("\(key)" == "<development key for \(algorithm.rawValue)>")
    #expect(dumped.count < 100)
    #expect(try DevelopmentKey(algorithm, pem: Array(key.pem.utf8)).keyID == key.keyID)
  }

  @Test(
    "lifetimes are digits with a unit",
    arguments: [
      ("90", 90), ("90s", 90), ("5m", 300), ("2h", 7_200), ("", nil), ("0", nil), ("0m", nil),
      ("-1", nil), ("+5m", nil), ("1.5h", nil), ("5 m", nil), ("5d", 432_000), ("5w", nil),
      ("m", nil),
      ("1000000", nil), ("٥m", nil),
    ] as [(String, Int64?)]
  )
  func lifetimes(text: String, seconds: Int64?) {
    #expect(Lifetime(argument: text)?.seconds == seconds)
  }
}
