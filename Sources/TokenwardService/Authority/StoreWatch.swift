// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Logging
internal import ServiceLifecycle
internal import TokenwardAuthority

/// Says in the log, once each time, when the store cannot make writes durable any more, and when
/// withdrawals wait for it: by itself neither shows in an answer that somebody reads.
struct StoreWatch: Service {
  let logger: Logger
  let status: @Sendable () -> AuthorityStatus

  /// What was said last.
  struct Said: Hashable {
    var isBroken = false
    var hasPending = false
  }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      var said = Said()
      while !Task.isCancelled {
        let status = self.status()
        self.look(isBroken: status.isStoreBroken, pending: status.pendingWithdrawals, &said)
        try? await Task.sleep(for: .seconds(1))
      }
    }
  }

  func look(isBroken: Bool, pending: Int, _ said: inout Said) {
    if isBroken, !said.isBroken {
      self.logger.error(
        """
        the store has not made a write durable: nothing is issued any more; look at its disk and \
        restart this process, which then finds out what the store has
        """
      )
    }
    if pending > 0, !said.hasPending {
      self.logger.error(
        """
        withdrawals hold in this process only and are tried again; do not restart it before the \
        store works
        """,
        metadata: ["count": "\(pending)"]
      )
    } else if pending == 0, said.hasPending {
      self.logger.notice("every withdrawal is in the store")
    }
    said = Said(isBroken: isBroken, hasPending: pending > 0)
  }
}

extension AuthorityStatus {
  /// For `/readyz`.
  var storeState: String {
    if self.isStoreBroken { return "broken" }
    return self.isStarted ? "open" : "closed"
  }
}
