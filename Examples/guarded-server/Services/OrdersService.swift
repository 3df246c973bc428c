// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ExampleProtos
internal import GRPCCore
internal import SwiftProtobuf
internal import TokenwardCore

/// The guarded service. Nothing in it knows about tokens: by the time a method runs, the call has
/// been decided, and the caller is `Principal.current`.
struct OrdersService: Tokenward_Example_V1_Orders.SimpleServiceProtocol {
  /// The shortest time between two events that a caller can ask for, in milliseconds, so that one
  /// stream cannot keep the server busy.
  static let shortestInterval: UInt32 = 20
  /// Most characters of an order's id or of a note that are echoed.
  static let longestText = 1_024

  func get(
    request: Tokenward_Example_V1_GetOrderRequest,
    context: ServerContext
  ) async throws -> Tokenward_Example_V1_Order {
    try Self.check(request.id)
    return .with { order in
      order.id = request.id
      order.requestedBy = Self.caller
      order.lines = [
        .with { line in
          line.article = "tea"
          line.quantity = 2
        }
      ]
    }
  }

  func watch(
    request: Tokenward_Example_V1_WatchOrderRequest,
    response: RPCWriter<Tokenward_Example_V1_OrderEvent>,
    context: ServerContext
  ) async throws {
    try Self.check(request.id)
    let interval = max(request.intervalMilliseconds, Self.shortestInterval)
    var sequence: UInt64 = 0
    while request.count == 0 || sequence < UInt64(request.count) {
      // The guard cancels this task when the caller's token expires; the sleep then throws.
      if sequence > 0 { try await Task.sleep(for: .milliseconds(Int64(interval))) }
      sequence += 1
      try await response.write(
        .with { event in
          event.sequence = sequence
          event.orderID = request.id
          event.requestedBy = Self.caller
        }
      )
    }
  }

  func chat(
    request: RPCAsyncSequence<Tokenward_Example_V1_Note, any Error>,
    response: RPCWriter<Tokenward_Example_V1_Note>,
    context: ServerContext
  ) async throws {
    for try await note in request {
      try Self.check(note.text)
      try await response.write(
        .with { answer in
          answer.text = note.text
          answer.from = Self.caller
        }
      )
    }
  }

  /// Whom the token of this call speaks for; empty for anonymous callers.
  private static var caller: String { Principal.current?.subject.text ?? "" }

  private static func check(_ text: String) throws {
    guard text.utf8.count <= Self.longestText else {
      throw RPCError(code: .invalidArgument, message: "the text is too long")
    }
  }
}
