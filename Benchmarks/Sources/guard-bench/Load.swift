// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import BenchSupport
internal import Foundation
internal import GRPCCore

/// Calls to the echo method, single ones and bursts, with the same headers and the same message.
///
/// The token stands on the command lines of nghttp and h2load, which take headers nowhere else:
/// whoever is on this machine can read it. It is good for one process that makes its key when it
/// starts and serves nothing but echoes, so there is nothing to win with it.
struct Load {
  let token: String
  let isOverTLS: Bool

  private static let message = Array("sixteen bytes..".utf8) + [0]
  private static let path = "/\(EchoService.method.fullyQualifiedMethod)"
  /// Well below the limit of 100 streams for each connection: no call ever waits for a stream.
  private static let connections = 4
  private static let streams = 20

  private let messageFile: URL

  init(token: String, isOverTLS: Bool) throws {
    self.token = token
    self.isOverTLS = isOverTLS
    // One message: not compressed, four bytes of length, and itself.
    let frame = [0] + (0 ..< 4).reversed().map { UInt8(Self.message.count >> (8 * $0) & 0xFF) }
    self.messageFile = FileManager.default.temporaryDirectory
      .appendingPathComponent("guard-bench-\(UUID().uuidString)")
    try Data(frame + Self.message).write(to: self.messageFile)
  }

  func remove() { try? FileManager.default.removeItem(at: self.messageFile) }

  /// The token with another letter in the middle of its signature.
  var forgedToken: String {
    var bytes = Array(self.token.utf8)
    let index = bytes.count - 40
    bytes[index] = bytes[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
    return String(decoding: bytes, as: UTF8.self)
  }

  private func arguments(_ port: UInt16, token: String?) -> [String] {
    var arguments = ["-d", self.messageFile.path]
    for header in ["content-type: application/grpc", "te: trailers"] {
      arguments += ["-H", header]
    }
    if let token { arguments += ["-H", "authorization: Bearer \(token)"] }
    let scheme = self.isOverTLS ? "https" : "http"
    return arguments + ["\(scheme)://127.0.0.1:\(port)\(Self.path)"]
  }
}

extension Load {
  /// Makes one call and reads its status.
  /// - Returns: `grpc-status`; nil if there was none.
  func call(at port: UInt16, token: String?) throws -> Int? {
    // Who the server is does not matter here: it was started a moment ago, for this.
    let options = ["-v", "-t", "10"] + (self.isOverTLS ? ["--no-verify-peer"] : [])
    let output = try Tool.run("nghttp", options + self.arguments(port, token: token))
    return output.firstMatch(of: /grpc-status: ([0-9]+)/).flatMap { Int($0.output.1) }
  }

  /// Makes many calls.
  /// - Throws: ``BenchFailure`` unless every one was answered with a message.
  func burst(at port: UInt16, calls: Int) throws {
    let output = try Tool.run(
      "h2load",
      [
        "-n", "\(calls)", "-c", "\(Self.connections)", "-m", "\(Self.streams)", "-t", "1",
      ] + self.arguments(port, token: self.token)
    )
    // gRPC answers 200 to everything, refusals included. But only a call that reached the method is
    // answered with a message, so the bytes of data say how many did.
    let expected = calls * (5 + Self.message.count)
    guard output.contains(" \(calls) succeeded, 0 failed, 0 errored, 0 timeout"),
      output.contains("status codes: \(calls) 2xx,"),
      let data = output.firstMatch(of: /\(([0-9]+)\) data/).flatMap({ Int($0.output.1) }),
      data == expected
    else {
      throw BenchFailure("not every call of a burst was answered with its message:\n\(output)")
    }
  }
}

/// A program of Debian's nghttp2-client.
private enum Tool {
  static func run(_ name: String, _ arguments: [String]) throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [name] + arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let text = String(decoding: data, as: UTF8.self)
    guard process.terminationStatus == 0 else {
      throw BenchFailure("\(name) ended with \(process.terminationStatus):\n\(text)")
    }
    return text
  }
}
