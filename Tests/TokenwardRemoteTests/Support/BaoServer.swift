// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Synchronization

/// A real OpenBao on loopback with TLS, initialised and sealed as in production (not `-dev`).
/// `TOKENWARD_BAO` names its binary.
final class BaoServer: Sendable {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  static var binary: String? { ProcessInfo.processInfo.environment["TOKENWARD_BAO"] }

  let folder: URL
  let port: Int
  private let process: Process
  private let keys = Mutex<(root: String, unseal: String)>(("", ""))

  var address: String { "https://127.0.0.1:\(self.port)" }
  var authority: String { self.path("ca.pem") }
  func path(_ name: String) -> String { self.folder.appendingPathComponent(name).path }

  init() async throws {
    guard let binary = Self.binary else { throw Failure(description: "TOKENWARD_BAO is not set") }
    self.folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("tokenward-bao-server-\(UUID().uuidString)")
    self.port = Int.random(in: 20_000 ..< 30_000)
    try FileManager.default.createDirectory(
      at: self.folder.appendingPathComponent("data"),
      withIntermediateDirectories: true
    )
    self.process = Process()
    try self.makeCertificates()
    let configuration = """
      storage "raft" {
        path = "\(self.path("data"))"
        node_id = "one"
      }
      listener "tcp" {
        address = "127.0.0.1:\(self.port)"
        tls_cert_file = "\(self.path("cert.pem"))"
        tls_key_file = "\(self.path("key.pem"))"
      }
      api_addr = "\(self.address)"
      cluster_addr = "https://127.0.0.1:\(self.port + 1)"
      """
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: self.path("config.hcl")))
    self.process.executableURL = URL(fileURLWithPath: binary)
    self.process.arguments = ["server", "-config=\(self.path("config.hcl"))"]
    self.process.standardOutput = FileHandle.nullDevice
    self.process.standardError = FileHandle.nullDevice
    try self.process.run()
    try await self.eventually { try self.bao("operator", "init", "-status", expecting: 2) }
    let initial = try self.bao("operator", "init", "-key-shares=1", "-key-threshold=1")
    func value(_ name: String) -> String {
      initial.split(separator: "\n").first { $0.hasPrefix(name) }?
        .split(separator: " ").last.map(String.init) ?? ""
    }
    let keys = (value("Initial Root Token:"), value("Unseal Key 1:"))
    self.keys.withLock { $0 = keys }
    try await self.unseal()
  }

  deinit {
    self.process.terminate()
    self.process.waitUntilExit()
    try? FileManager.default.removeItem(at: self.folder)
  }

  func seal() throws { try self.bao("operator", "seal") }

  func unseal() async throws {
    try self.bao("operator", "unseal", self.keys.withLock { $0.unseal })
    try await self.eventually { try self.bao("secrets", "list") }
  }

  /// Runs the client, as an operator does, and answers what it printed.
  @discardableResult
  func bao(_ arguments: String..., expecting status: Int32 = 0) throws -> String {
    try self.run(Self.binary ?? "", arguments, expecting: status)
  }

  func write(_ text: String, to name: String, mode: Int = 0o600) throws -> String {
    let new = self.path(UUID().uuidString)
    try Data(text.utf8).write(to: URL(fileURLWithPath: new))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: new)
    guard rename(new, self.path(name)) == 0 else { throw Failure(description: "rename") }
    return self.path(name)
  }

  /// Tries until it works, for ten seconds.
  func eventually(_ body: () async throws -> Void) async throws {
    for _ in 0 ..< 100 {
      if (try? await body()) != nil { return }
      try await Task.sleep(for: .milliseconds(100))
    }
    try await body()
  }

  private func makeCertificates() throws {
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    try self.openssl(
      ["req", "-x509"] + key
        + [
          "-keyout", "ca-key.pem", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test",
          "-addext", "basicConstraints=critical,CA:TRUE",
        ]
    )
    try self.openssl(
      ["req"] + key + ["-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=bao"]
    )
    try Data("subjectAltName=IP:127.0.0.1\n".utf8)
      .write(to: URL(fileURLWithPath: self.path("extensions")))
    try self.openssl([
      "x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca-key.pem",
      "-CAcreateserial", "-days", "2", "-extfile", "extensions", "-out", "cert.pem",
    ])
  }

  func openssl(_ arguments: [String]) throws {
    try self.run("/usr/bin/openssl", arguments, expecting: 0)
  }

  @discardableResult
  private func run(_ tool: String, _ arguments: [String], expecting: Int32) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: tool)
    process.arguments = arguments
    process.currentDirectoryURL = self.folder
    process.environment = [
      "BAO_ADDR": self.address, "BAO_CACERT": self.authority, "HOME": self.folder.path,
      "BAO_TOKEN": self.keys.withLock { $0.root },
    ]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == expecting else {
      throw Failure(description: "\(arguments.prefix(2)) ended with \(process.terminationStatus)")
    }
    return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
  }
}
