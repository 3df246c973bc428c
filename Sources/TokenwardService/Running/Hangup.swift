// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// Something that is done on SIGHUP.
struct HangupAction: Sendable {
  /// What it is, for the log.
  let name: String
  /// Does it.
  let action: @Sendable () async throws -> Void
}

/// Does what SIGHUP asks for: opens audit files again, which log rotation has renamed, and reads TLS
/// files again. The configuration is not read again: a process that runs keeps what it was started
/// with.
struct HangupService: Service {
  let actions: [HangupAction]
  let logger: Logger

  func run() async throws {
    let hangups = await UnixSignalsSequence(trapping: .sighup)
    for await _ in hangups.cancelOnGracefulShutdown() {
      for action in self.actions {
        do {
          try await action.action()
          self.logger.notice("done again on SIGHUP", metadata: ["what": "\(action.name)"])
        } catch {
          self.logger.error(
            "could not be done again on SIGHUP; what was there is kept",
            metadata: ["what": "\(action.name)", "problem": "\(error)"]
          )
        }
      }
    }
  }
}
