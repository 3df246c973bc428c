// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Synchronization
import TokenwardCore
import TokenwardRemote
import TokenwardTestKit

/// An issuer's published keys, as a test likes them.
final class ScriptedDocuments: KeyDocuments {
  private struct State {
    var outcome: Result<KeyDocument, KeyFetchProblem>
    var fetches = 0
    var isHeld = false
    var held: [CheckedContinuation<KeyDocument?, Never>] = []
  }

  private let state: Mutex<State>

  init(_ outcome: Result<KeyDocument, KeyFetchProblem>) {
    self.state = Mutex(State(outcome: outcome))
  }

  convenience init(_ issuers: TestIssuer...) throws {
    self.init(.success(try Self.document(issuers)))
  }

  static func document(_ issuers: [TestIssuer]) throws -> KeyDocument {
    let keys = try issuers.map { try $0.jwk }.joined(separator: ",")
    return KeyDocument(bytes: Array("{\"keys\":[\(keys)]}".utf8))
  }

  var fetches: Int { self.state.withLock { $0.fetches } }
  var heldCount: Int { self.state.withLock { $0.held.count } }

  func publish(_ issuers: TestIssuer...) throws {
    let document = try Self.document(issuers)
    self.state.withLock { $0.outcome = .success(document) }
  }

  func publish(text: String, freshness: Duration? = nil) {
    let document = KeyDocument(bytes: Array(text.utf8), freshness: freshness)
    self.state.withLock { $0.outcome = .success(document) }
  }

  func fail(_ problem: KeyFetchProblem) { self.state.withLock { $0.outcome = .failure(problem) } }

  func hold() { self.state.withLock { $0.isHeld = true } }

  /// - Parameter document: what those that are held get, in place of what is published.
  func release(with document: KeyDocument? = nil) {
    let held = self.state.withLock { state in
      state.isHeld = false
      defer { state.held = [] }
      return state.held
    }
    for continuation in held { continuation.resume(returning: document) }
  }

  func fetch() async throws(KeyFetchProblem) -> KeyDocument {
    let given = await withCheckedContinuation { continuation in
      let mustWait = self.state.withLock { state in
        state.fetches += 1
        if state.isHeld { state.held.append(continuation) }
        return state.isHeld
      }
      if !mustWait { continuation.resume(returning: nil as KeyDocument?) }
    }
    if let given { return given }
    return try self.state.withLock { $0.outcome }.get()
  }
}
