// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import TokenwardCore

/// A call whose decision waits for somebody else. The wait ends early when the call's deadline passes
/// or its client has gone, so that slow issuers do not collect the calls of impatient clients.
final class WaitingCall: DeadlineBound {
  private let task = CancellableTask()

  func run(_ decide: @escaping @Sendable () async -> Decision) async -> Decision {
    await withTaskCancellationHandler {
      await withRPCCancellationHandler {
        let task = Task { await decide() }
        self.task.set(cancel: { task.cancel() })
        return await task.value
      } onCancelRPC: {
        self.task.cancel()
      }
    } onCancel: {
      self.task.cancel()
    }
  }

  func deadlinePassed() async { self.task.cancel() }
}
