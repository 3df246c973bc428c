// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ExampleProtos
internal import Foundation
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import SwiftProtobuf
internal import TokenwardGRPC

extension DemoClient {
  /// How late a stream may end after its token has expired, in seconds.
  static let greatestDelay = 1.0

  /// Watches until the server ends the stream, and measures when it did.
  /// - Parameter expiry: when the token expires, in seconds since 1970.
  static func watch(
    _ orders: Tokenward_Example_V1_Orders.Client<HTTP2ClientTransport.Posix>,
    until expiry: Double
  ) async -> Outcome {
    let request = Tokenward_Example_V1_WatchOrderRequest.with {
      $0.id = "o-1"
      $0.intervalMilliseconds = 100
    }
    var options = CallOptions.defaults
    // Without the guard's help the stream would go on for ever, and so would the demonstration.
    options.timeout = .seconds(30)
    do {
      return try await orders.watch(request, options: options) { response in
        var events = 0
        do {
          for try await _ in response.messages { events += 1 }
          return Outcome(answer: .ok, complaint: "the stream ended by itself")
        } catch {
          let delay = Date().timeIntervalSince1970 - expiry
          return Outcome(answer: Answer(error), complaint: Self.complaint(delay, events))
        }
      }
    } catch {
      return Outcome(answer: Answer(error), complaint: "the stream did not begin")
    }
  }

  private static func complaint(_ delay: Double, _ events: Int) -> String? {
    if events == 0 { return "no event came before the end" }
    if delay < 0 { return "ended \(Int(-delay * 1_000)) ms before the token expired" }
    if delay > Self.greatestDelay {
      return "ended \(Int(delay * 1_000)) ms after the token expired"
    }
    return nil
  }
}

extension Answer {
  /// What a client is told by an error.
  init(_ error: any Error) {
    guard let error = error as? RPCError else {
      self.init(status: "no answer: \(type(of: error))", reason: nil)
      return
    }
    let details = DenialDetails(error)
    self.init(status: Self.name(of: error.code), reason: details?.reason)
  }

  /// The name in the specification: `permissionDenied` is `PERMISSION_DENIED`.
  private static func name(of code: RPCError.Code) -> String {
    code.description.reduce(into: "") { name, letter in
      if letter.isUppercase { name += "_" }
      name += letter.uppercased()
    }
  }
}
