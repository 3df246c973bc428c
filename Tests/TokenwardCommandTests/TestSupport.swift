// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Crypto
import Foundation
import Testing
import TokenwardCore

@testable import tokenward

/// A folder of one test, private and removed at its end.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(
      at: url,
      withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o700]
    )
    self.path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: self.path) }

  func write(_ name: String, _ content: String) throws -> String {
    let path = "\(self.path)/\(name)"
    try Data(content.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }
}

/// The permission bits of what has a path.
func permissions(_ path: String) throws -> Int {
  let attributes = try FileManager.default.attributesOfItem(atPath: path)
  return try #require(attributes[.posixPermissions] as? Int)
}

/// An ES256 key and signatures by it.
struct TestSigner {
  let key = P256.Signing.PrivateKey()

  var jwk: String {
    let point = Array(self.key.publicKey.rawRepresentation)
    let x = Base64URL.encode(Array(point.prefix(32)))
    let y = Base64URL.encode(Array(point.dropFirst(32)))
    return #"{"kty":"EC","crv":"P-256","x":"\#(x)","y":"\#(y)"}"#
  }

  func jws(header: String = #"{"alg":"ES256"}"#, payload: String = "{}") throws -> String {
    let input =
      "\(Base64URL.encode(Array(header.utf8))).\(Base64URL.encode(Array(payload.utf8)))"
    let signature = try self.key.signature(for: SHA256.hash(data: Array(input.utf8)))
    return "\(input).\(Base64URL.encode(Array(signature.rawRepresentation)))"
  }
}

/// The built command, as a user runs it.
enum BuiltCommand {
  struct Result {
    var status: Int32
    var output: String
    var complaint: String
  }

  /// Beside the test runner, in whichever build folder that is.
  static var url: URL? {
    let bundles = Bundle.allBundles.map(\.bundleURL).filter { $0.pathExtension == "xctest" }
    let runners = [URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()]
    return (bundles + runners).map {
      $0.deletingLastPathComponent().appendingPathComponent("tokenward")
    }
    .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }

  /// - Parameter input: what stands on standard input. It goes through a file, so that a command that
  ///   reads nothing cannot block the test.
  static func run(_ arguments: [String], input: String = "") throws -> Result {
    let folder = try TemporaryFolder()
    let process = Process()
    let command: URL = try #require(Self.url, "the command is built with the tests")
    process.executableURL = command
    process.arguments = arguments
    process.standardInput = try FileHandle(
      forReadingFrom: URL(fileURLWithPath: folder.write("in", input))
    )
    let output = URL(fileURLWithPath: try folder.write("out", ""))
    let complaint = URL(fileURLWithPath: try folder.write("err", ""))
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: complaint)
    try process.run()
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus,
      output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
      complaint: String(decoding: try Data(contentsOf: complaint), as: UTF8.self)
    )
  }
}
