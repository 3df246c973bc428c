// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ServiceLifecycle
internal import Synchronization

/// What one part of the process says about itself.
struct PartStatus: Sendable {
  /// Whether it can do what it is for.
  var isReady: Bool
  /// Lines for `/readyz`.
  var lines: [String]
}

/// Whether the process takes calls, and what its parts say about it.
final class Readiness: Sendable {
  private let state = Mutex(State())

  private struct State {
    var isReady = false
    var parts: [@Sendable () -> PartStatus] = []
  }

  /// Whether the servers listen.
  func set(_ isReady: Bool) { self.state.withLock { $0.isReady = isReady } }

  /// Asks a part, too, from now on.
  func add(_ part: @escaping @Sendable () -> PartStatus) {
    self.state.withLock { $0.parts.append(part) }
  }

  /// What `/readyz` answers.
  func status() -> PartStatus {
    let (isReady, parts) = self.state.withLock { ($0.isReady, $0.parts) }
    // Asked outside of the lock: a part may be slow, and shutting down is not to wait for it.
    return parts.reduce(into: PartStatus(isReady: isReady, lines: [])) { status, part in
      let own = part()
      status.isReady = status.isReady && own.isReady
      status.lines += own.lines
    }
  }
}

/// Takes the process out of rotation as the first step of a shutdown.
struct ReadinessService: Service {
  let readiness: Readiness

  func run() async throws {
    try? await gracefulShutdown()
    self.readiness.set(false)
  }
}
