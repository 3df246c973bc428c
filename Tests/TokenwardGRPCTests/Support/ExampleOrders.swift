// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ExampleProtos
internal import GRPCCore
internal import SwiftProtobuf
internal import TokenwardCore

/// The example service, answering who called it.
struct ExampleOrders: Tokenward_Example_V1_Orders.SimpleServiceProtocol {
  private var caller: String { Principal.current?.subject.text ?? "" }

  func get(
    request: Tokenward_Example_V1_GetOrderRequest,
    context: ServerContext
  ) async throws -> Tokenward_Example_V1_Order {
    .with {
      $0.id = request.id
      $0.requestedBy = self.caller
    }
  }

  func watch(
    request: Tokenward_Example_V1_WatchOrderRequest,
    response: RPCWriter<Tokenward_Example_V1_OrderEvent>,
    context: ServerContext
  ) async throws {
    var sequence: UInt64 = 0
    while request.count == 0 || sequence < request.count {
      sequence += 1
      try await response.write(
        .with {
          $0.sequence = sequence
          $0.orderID = request.id
          $0.requestedBy = self.caller
        }
      )
      if request.intervalMilliseconds > 0 {
        try await Task.sleep(for: .milliseconds(request.intervalMilliseconds))
      }
    }
  }

  func chat(
    request: RPCAsyncSequence<Tokenward_Example_V1_Note, any Error>,
    response: RPCWriter<Tokenward_Example_V1_Note>,
    context: ServerContext
  ) async throws {
    for try await note in request {
      try await response.write(
        .with {
          $0.text = note.text
          $0.from = self.caller
        }
      )
    }
  }
}
