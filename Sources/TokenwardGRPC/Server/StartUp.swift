// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Synchronization
internal import TokenwardCore

/// What has to be proven before a server listens, and who waits for it.
final class StartUp: Sendable {
  private struct State {
    var methods: [MethodDescriptor]?
    var outcome: Result<Void, ConfigurationError>?
    var waiters: [UInt64: CheckedContinuation<Void, any Error>] = [:]
    var nextWaiter: UInt64 = 0
  }

  private let state = Mutex(State())

  /// The methods of the server, as it told its transport.
  func configure(_ methods: [MethodDescriptor]) {
    self.state.withLock { $0.methods = methods }
  }

  /// Compares and lets those know who wait.
  /// - Throws: `ConfigurationError` with every difference between the methods and the policy.
  func prove(coveredBy policy: MethodPolicy) throws(ConfigurationError) {
    let methods = self.state.withLock { $0.methods }
    let outcome = Result { () throws(ConfigurationError) in
      try Self.compare(methods, with: policy)
    }
    let waiters = self.state.withLock { state in
      state.outcome = outcome
      defer { state.waiters = [:] }
      return state.waiters.values
    }
    for waiter in waiters { waiter.resume(with: outcome) }
    try outcome.get()
  }

  /// Waits for ``prove(coveredBy:)``.
  /// - Throws: its error, or `CancellationError`.
  func proven() async throws {
    let id = self.state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let outcome: Result<Void, any Error>? = self.state.withLock { state in
          if let outcome = state.outcome { return outcome.mapError { $0 } }
          if Task.isCancelled { return .failure(CancellationError()) }
          state.waiters[id] = continuation
          return nil
        }
        if let outcome { continuation.resume(with: outcome) }
      }
    } onCancel: {
      self.state.withLock { $0.waiters.removeValue(forKey: id) }?
        .resume(throwing: CancellationError())
    }
  }

  private static func compare(
    _ descriptors: [MethodDescriptor]?,
    with policy: MethodPolicy
  ) throws(ConfigurationError) {
    guard let descriptors else {
      throw ConfigurationError([
        ConfigurationError.Problem(
          path: "server",
          problem: "the transport was not told which methods the server has",
          hint: "start it through GRPCServer.serve(), of grpc-swift 2.3 or later"
        )
      ])
    }
    var problems: [ConfigurationError.Problem] = []
    var methods: [RPCMethod] = []
    let names = descriptors.map(\.fullyQualifiedMethod)
    for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
      if let method = RPCMethod(fullName: name) {
        methods.append(method)
      } else {
        problems.append(
          ConfigurationError.Problem(
            path: "server.methods",
            problem: "the registered method \"\(name)\" can never be called: its name is outside"
              + " package.Service/Method",
            hint: "use ASCII letters, digits and underscores"
          )
        )
      }
    }
    let coverage = policy.coverage(of: methods)
    problems += coverage.uncovered.map { method in
      ConfigurationError.Problem(
        path: "policy",
        // In full: a method that the server has is no token, whatever its name contains.
        problem: "no rule for the registered method \(method.fullName)",
        hint: "add a rule that says who may call it, or do not register it"
      )
    }
    problems += coverage.unmatched.map { pattern in
      ConfigurationError.Problem(
        path: "policy",
        problem: "the rule for \(pattern) matches no registered method",
        hint: "correct its name, register the service, or remove the rule"
      )
    }
    guard problems.isEmpty else { throw ConfigurationError(problems) }
  }
}
