// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import ArgumentParser
import GRPCCore
import Synchronization
import Testing
import TokenwardCore

@testable import tokenward

@Suite("Before and after a call")
struct ConfirmationTests {
  @Test("only a yes is a yes, and nobody to answer is a no")
  func confirmation() throws {
    let asking = try Confirmation.parse([])
    for answer in ["y", "Y", "yes", "YES"] {
      #expect(throws: Never.self) {
        try asking.confirm("Revoke?", isTerminal: true) { _ in answer }
      }
    }
    for answer in ["", "n", "no", "yess", "ｙ", nil] {
      #expect(throws: CommandFailure.self) {
        try asking.confirm("Revoke?", isTerminal: true) { _ in answer }
      }
    }
    let refusal = #expect(throws: CommandFailure.self) {
      try asking.confirm("Revoke?", isTerminal: false) { _ in "yes" }
    }
    #expect(refusal?.status == .usage)
    for flag in ["--yes", "-y"] {
      #expect(throws: Never.self) {
        try Confirmation.parse([flag]).confirm("Revoke?", isTerminal: false) { _ in nil }
      }
    }
  }

  @Test("a call is made again while the authority is not available, and then no more")
  func patience() async throws {
    for failures in 0 ... 3 {
      let pauses = Pauses()
      var attempts = 0
      let answer = try? await pauses.patience.call { options in
        #expect(options.timeout == .seconds(20))
        attempts += 1
        guard attempts > failures else { throw RPCError(code: .unavailable, message: "") }
        return attempts
      }
      #expect(attempts == min(failures + 1, 3))
      #expect((answer != nil) == (failures < 3))
      #expect(pauses.count == min(failures, 2))
    }
  }

  @Test("other failures are not tried again")
  func impatience() async throws {
    let pauses = Pauses()
    let error = await #expect(throws: RPCError.self) {
      try await pauses.patience.call { _ in throw RPCError(code: .permissionDenied, message: "") }
    }
    #expect(error?.code == .permissionDenied)
    #expect(pauses.count == 0)
  }

  private final class Pauses: Sendable {
    private let list = Mutex<[Duration]>([])

    var count: Int { self.list.withLock { $0.count } }

    var patience: Patience {
      Patience(
        pauses: [.milliseconds(500), .seconds(1)],
        pause: { pause in self.list.withLock { $0.append(pause) } },
        report: { _ in }
      )
    }
  }

  @Test(
    "what an authority answers becomes a status and a hint, and nothing in it reaches a terminal",
    arguments: [
      (RPCError.Code.unauthenticated, tokenward.ExitStatus.denied), (.permissionDenied, .denied),
      (.invalidArgument, .usage), (.notFound, .undecided), (.alreadyExists, .undecided),
      (.failedPrecondition, .undecided), (.unavailable, .undecided),
      (.deadlineExceeded, .undecided), (.unimplemented, .undecided), (.internalError, .undecided),
    ]
  )
  func failures(code: RPCError.Code, status: tokenward.ExitStatus) throws {
    let address = try #require(AuthorityAddress(argument: "localhost:1"))
    let message = "bad\u{1B}[2J\nerror: forged\u{202E}" + String(repeating: "x", count: 4_096)
    let failure = CommandFailure(RPCError(code: code, message: message), from: address, about: "it")
    #expect(failure.status == status)
    #expect(!failure.problem.contains("\u{1B}") && !failure.problem.contains("\n"))
    #expect(!failure.problem.contains("\u{202E}"))
    #expect(failure.problem.utf8.count < 1_024)
  }
}
