// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import TokenwardGRPC

/// Makes a call again while the authority is not available, for some seconds. Only for calls that may
/// be made twice: those that change nothing, those that take away, and those with an idempotency key.
struct Patience: Sendable {
  /// How long to wait before each further attempt.
  var pauses: [Duration] = [.milliseconds(500), .seconds(1), .seconds(2), .seconds(4)]
  /// Waits. A test has its own.
  var pause: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  /// Tells whoever is waiting.
  var report: @Sendable (String) -> Void = { Console.complain($0) }

  /// One attempt, no more.
  static let none = Patience(pauses: [])

  /// What each call is made with: an answer that takes longer is not worth waiting for.
  static let options: CallOptions = {
    var options = CallOptions.defaults
    options.timeout = .seconds(20)
    options.waitForReady = false
    return options
  }()

  private static func text(_ pause: Duration) -> String {
    let (seconds, attoseconds) = pause.components
    return "\(seconds).\(attoseconds / 100_000_000_000_000_000) s"
  }

  /// - Throws: what the last attempt threw.
  func call<Result>(_ body: (CallOptions) async throws -> Result) async throws -> Result {
    for pause in self.pauses {
      do {
        return try await body(Self.options)
      } catch let error as RPCError where error.code == .unavailable {
        let asked = min(DenialDetails(error)?.retryAfter ?? .zero, .seconds(10))
        let rest = max(pause, asked)
        self.report("the authority is not available; trying again in \(Self.text(rest))")
        try await self.pause(rest)
      }
    }
    return try await body(Self.options)
  }
}
