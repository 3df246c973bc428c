// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

extension Session {
  /// Reads one field. Nothing is remembered: what OpenBao does not give now, nobody gets.
  func read(_ field: KVField) async throws(Trouble) -> SecretBytes {
    try await self.ask(field.description) {
      (requests, token) async throws(OpenBaoFailure) -> SecretBytes in
      try await requests.read(field, token: token)
    }
  }

  /// Asks something that needs a login. After a denial a new login is made and it is asked once more:
  /// the token may have been revoked. OpenBao has done nothing of what it denies.
  /// - Parameters:
  ///   - subject: what is asked for, in words; no secret.
  ///   - question: asks with a token.
  func ask<Answer: ~Copyable>(
    _ subject: String,
    _ question: (OpenBaoRequests, HeldSecret) async throws(OpenBaoFailure) -> Answer
  ) async throws(Trouble) -> Answer {
    let first = try await self.token()
    do throws(OpenBaoFailure) {
      return try await self.attempt(question, first)
    } catch {
      guard error == .denied, self.mayLogIn(afterDenialOf: first.generation) else {
        throw self.trouble(error, subject)
      }
    }
    self.wasDenied(first.generation)
    let second = try await self.token(insteadOf: first.generation)
    do throws(OpenBaoFailure) {
      let answer = try await self.attempt(question, second)
      self.loggedInAfterDenial(helped: true)
      return answer
    } catch {
      if error == .denied { self.loggedInAfterDenial(helped: false) }
      throw self.trouble(error, subject)
    }
  }

  private func attempt<Answer: ~Copyable>(
    _ question: (OpenBaoRequests, HeldSecret) async throws(OpenBaoFailure) -> Answer,
    _ held: HeldLease
  ) async throws(OpenBaoFailure) -> Answer {
    let answer = try await question(self.requests, held.token)
    self.succeeded(nil)
    return answer
  }

  private func trouble(_ failure: OpenBaoFailure, _ subject: String) -> Trouble {
    self.failed(failure)
    return Trouble(failure, subject)
  }
}
