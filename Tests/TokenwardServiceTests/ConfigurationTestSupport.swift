// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import TokenwardCore
import TokenwardService
import TokenwardTestKit

/// A folder with the files that configurations in these tests name.
struct ConfigurationFolder: ~Copyable {
  let path: String
  let issuer: TestIssuer

  private static let issuers = Result {
    (try TestIssuer(), try TestIssuer("https://local.test", algorithm: .hs256, keyID: "s"))
  }

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "tokenward-\(UUID())")
    try FileManager.default.createDirectory(
      at: url,
      withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o700]
    )
    let path = url.path()
    let (issuer, secret) = try Self.issuers.get()
    let files: [(name: String, bytes: [UInt8], mode: Int)] = [
      ("issuer.jwks", try issuer.jwks, 0o644),
      ("secret.jwks", try secret.jwks, 0o600),
      ("open.jwks", try secret.jwks, 0o640),
      ("writable.jwks", try issuer.jwks, 0o666),
      ("bad.jwks", Array("{\"keys\":[],}".utf8), 0o644),
      ("server.pem", Array("certificate".utf8), 0o644),
      ("server.key", Array("key".utf8), 0o640),
      ("open.key", Array("key".utf8), 0o644),
    ]
    for file in files { try Self.write("\(path)/\(file.name)", file.bytes, mode: file.mode) }
    self.path = path
    self.issuer = issuer
  }

  deinit { try? FileManager.default.removeItem(atPath: self.path) }

  func write(_ name: String, _ bytes: [UInt8], mode: Int = 0o644) throws {
    try Self.write("\(self.path)/\(name)", bytes, mode: mode)
  }

  private static func write(_ path: String, _ bytes: [UInt8], mode: Int) throws {
    guard
      FileManager.default.createFile(
        atPath: path,
        contents: Data(bytes),
        attributes: [.posixPermissions: mode]
      )
    else { throw CocoaError(.fileWriteUnknown) }
    // Not subject to the umask.
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
  }

  func read(_ name: String) throws -> String {
    try String(contentsOfFile: "\(self.path)/\(name)", encoding: .utf8)
  }

  /// Reads a configuration that stands in this folder.
  func configuration(
    _ yaml: String,
    time: any TimeSource = SystemTime()
  ) throws(ConfigurationError) -> Configuration {
    try Configuration(yaml: Array(yaml.utf8), folder: "\(self.path)/", time: time)
  }

  /// The problems of a configuration, `path: problem` each; empty if there are none.
  func problems(_ yaml: String) -> [String] {
    do throws(ConfigurationError) {
      _ = try self.configuration(yaml)
      return []
    } catch {
      return error.problems.map { "\($0.path): \($0.problem)" }
    }
  }
}
