// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Synchronization
import TokenwardHTTP

/// Answers requests as a test says, one after the other, and remembers them. Without an answer left
/// it fails as a server that is down would.
final class ScriptedHTTP: HTTPTransport {
  typealias Outcome = Result<HTTPAnswer, HTTPFailure>

  private struct State {
    var outcomes: [Outcome] = []
    var requests: [HTTPExchange] = []
    var isHeld = false
    var held: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  /// Adds answers to those that will be given.
  func answer(_ outcomes: Outcome...) { self.state.withLock { $0.outcomes += outcomes } }

  /// Adds an answer with status 200 and a body of JSON.
  func answer(json: String, headers: [(name: String, value: String)] = []) {
    let type = [(name: "content-type", value: "application/json")]
    self.answer(.success(HTTPAnswer(status: 200, headers: type + headers, body: Array(json.utf8))))
  }

  var requests: [HTTPExchange] { self.state.withLock { $0.requests } }

  /// Makes every request wait for ``release()``.
  func hold() { self.state.withLock { $0.isHeld = true } }

  func release() {
    let held = self.state.withLock { state in
      state.isHeld = false
      defer { state.held = [] }
      return state.held
    }
    for continuation in held { continuation.resume() }
  }

  /// How many requests wait.
  var heldCount: Int { self.state.withLock { $0.held.count } }

  func exchange(_ exchange: HTTPExchange) async throws(HTTPFailure) -> HTTPAnswer {
    self.state.withLock { $0.requests.append(exchange) }
    await withCheckedContinuation { continuation in
      let mustWait = self.state.withLock { state in
        if state.isHeld { state.held.append(continuation) }
        return state.isHeld
      }
      if !mustWait { continuation.resume() }
    }
    if Task.isCancelled { throw .cancelled }
    let outcome = self.state.withLock { state in
      state.outcomes.isEmpty ? .failure(.connectionFailed) : state.outcomes.removeFirst()
    }
    return try outcome.get()
  }
}
