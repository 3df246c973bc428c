// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardAuthority
internal import TokenwardCore

/// Asks OpenBao for signatures with one key.
struct TransitSigner: TokenSigner {
  let asking: TransitAsking
  let key: TransitKey
  let publicKey: SigningPublicKey

  func sign(_ input: [UInt8]) async throws(SigningError) -> [UInt8] {
    guard (1 ... TransitKey.maximumInput).contains(input.count) else {
      throw SigningError("\(self.key): \(input.count) bytes are not signed")
    }
    let key = self.key
    let signature = try await self.asking.ask(key) {
      (requests, token) async throws(OpenBaoFailure) -> [UInt8] in
      try await requests.sign(input, with: key, token: token)
    }
    guard self.publicKey.isValidSignature(signature, for: input) else {
      throw SigningError(
        "\(self.key): the signature in the answer is not one of this key; find out who answers in the "
          + "place of OpenBao, or who has exchanged the key"
      )
    }
    return signature
  }
}

/// Asks the transit engine, within a limit, and explains what went wrong.
struct TransitAsking: Sendable {
  let session: Session
  let limit: RequestLimit

  func ask<Answer>(
    _ key: TransitKey,
    _ question: (OpenBaoRequests, HeldSecret) async throws(OpenBaoFailure) -> Answer
  ) async throws(SigningError) -> Answer {
    guard await self.limit.enter() else {
      throw SigningError("\(key): too many signatures wait for OpenBao, or nobody waits any more")
    }
    defer { self.limit.leave() }
    do throws(Trouble) {
      return try await self.session.ask(key.description, question)
    } catch {
      throw Self.explained(error, key)
    }
  }

  private static func explained(_ trouble: Trouble, _ key: TransitKey) -> SigningError {
    let hint =
      switch trouble.failure {
      case .denied:
        "the policy of this login needs read and update for \(key.mount)/keys/ and update for "
          + "\(key.mount)/sign/, with the prefix of the keys"
      case .notFound: "check the mount of the transit engine, and whether somebody removed the key"
      case .unusableAnswer:
        "check that the mount is a transit engine, and that nobody has changed the key: "
          + "bao read \(key.mount)/keys/\(key.name)"
      default: trouble.error.hint
      }
    return SigningError("\(trouble.error.problem); \(hint)")
  }
}
