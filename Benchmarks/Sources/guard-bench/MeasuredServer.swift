// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import BenchSupport

/// A server that runs already.
struct MeasuredServer: ExpressibleByArgument {
  /// Where it listens on the loopback.
  let port: UInt16
  /// Whose CPU time is measured.
  let process: Int32

  init?(argument: String) {
    let parts = argument.split(separator: ":")
    guard parts.count == 2, let port = UInt16(parts[0]), let process = Int32(parts[1]) else {
      return nil
    }
    self.port = port
    self.process = process
  }

  /// - Throws: ``BenchFailure`` unless one call is answered with this `grpc-status`.
  func expect(_ status: Int, of load: Load, with token: String?, _ what: String) throws {
    let answer = try load.call(at: self.port, token: token)
    guard answer == status else {
      let text = answer.map { "grpc-status \($0)" } ?? "no grpc-status"
      throw BenchFailure("port \(self.port) answers \(text) to \(what), not \(status)")
    }
  }
}
