// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

extension Session {
  /// Reads one field. Nothing is remembered: what OpenBao does not give now, nobody gets.
  func read(_ field: KVField) async throws(Trouble) -> SecretBytes {
    let first = try await self.token()
    do throws(OpenBaoFailure) {
      return try await self.attempt(field, first)
    } catch {
      guard error == .denied, self.mayLogIn(afterDenialOf: first.generation) else {
        throw self.trouble(error, field)
      }
    }
    self.wasDenied(first.generation)
    let second = try await self.token(insteadOf: first.generation)
    do throws(OpenBaoFailure) {
      let secret = try await self.attempt(field, second)
      self.loggedInAfterDenial(helped: true)
      return secret
    } catch {
      if error == .denied { self.loggedInAfterDenial(helped: false) }
      throw self.trouble(error, field)
    }
  }

  private func attempt(
    _ field: KVField,
    _ held: HeldLease
  ) async throws(OpenBaoFailure) -> SecretBytes {
    let secret = try await self.requests.read(field, token: held.token)
    self.succeeded(nil)
    return secret
  }

  private func trouble(_ failure: OpenBaoFailure, _ field: KVField) -> Trouble {
    self.failed(failure)
    return Trouble(failure, field.description)
  }
}
