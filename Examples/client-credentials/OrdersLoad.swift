// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ExampleProtos
internal import GRPCCore
internal import SwiftProtobuf

/// Calls `Orders/Get` at a steady rate, whether or not the calls before have ended.
struct OrdersLoad<Transport: ClientTransport>: Sendable {
  let client: GRPCClient<Transport>
  let load: LoadOptions
  /// Called when the first call, which is not measured, has ended.
  let onBegin: @Sendable () -> Void

  func run() async throws -> LoadReport {
    let orders = Tokenward_Example_V1_Orders.Client(wrapping: self.client)
    // The connection is made, and the first token fetched, before anything is measured.
    _ = await Self.call(orders)
    self.onBegin()
    let begin = ContinuousClock.now
    let results = try await withThrowingTaskGroup(of: CallResult.self) { group in
      var results: [CallResult] = []
      for number in 0 ..< self.load.calls {
        if let rate = self.load.rate {
          let start = begin + .nanoseconds(Int64(number) * (1_000_000_000 / Int64(rate)))
          try await Task.sleep(until: start, tolerance: .zero, clock: .continuous)
        }
        group.addTask { await Self.call(orders) }
        // As fast as one follows the other.
        if self.load.rate == nil, let result = try await group.next() { results.append(result) }
      }
      return try await group.reduce(into: results) { $0.append($1) }
    }
    return LoadReport(results)
  }

  private static func call(
    _ orders: Tokenward_Example_V1_Orders.Client<Transport>
  ) async -> CallResult {
    let begin = ContinuousClock.now
    var failure: RPCError?
    do {
      _ = try await orders.get(.with { $0.id = "o-1" })
    } catch {
      failure = error as? RPCError ?? RPCError(code: .unknown, message: "not an error of a call")
    }
    return CallResult(latency: ContinuousClock.now - begin, failure: failure)
  }
}

/// How one call ended.
struct CallResult: Sendable {
  let latency: Duration
  /// Why it failed, if it did.
  let failure: RPCError?
}

/// How all of them did.
struct LoadReport: Sendable {
  let calls: Int
  /// How often each status came.
  let failures: [String: Int]
  /// Why the first one failed that did. It never contains a token.
  let firstFailure: RPCError?
  private let latencies: [Duration]

  init(_ results: [CallResult]) {
    self.calls = results.count
    let failures = results.compactMap(\.failure)
    self.firstFailure = failures.first
    self.failures = failures.reduce(into: [:]) { $0["\($1.code)", default: 0] += 1 }
    self.latencies = results.map(\.latency).sorted()
  }

  var failed: Int { self.failures.values.reduce(0, +) }

  /// The latency that this part of the calls stayed below.
  func latency(at part: Double) -> Duration {
    guard !self.latencies.isEmpty else { return .zero }
    let index = Int(Double(self.latencies.count - 1) * part)
    return self.latencies[index]
  }
}
