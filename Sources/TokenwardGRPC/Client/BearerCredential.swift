// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import TokenwardCore

/// One token as it is written into a call, and the rules for writing it.
struct BearerCredential: Sendable {
  let token: BearerToken

  /// Asks a source for a token.
  /// - Throws: an `RPCError` that says why the call is not sent. Only a `TokenSourceError` is its
  ///   cause: other errors might quote the token.
  init(from source: any TokenSource) async throws(RPCError) {
    do {
      self.token = try await source.token()
    } catch is CancellationError {
      throw .notSentCancelled
    } catch let error as TokenSourceError {
      throw RPCError(
        code: error.kind == .unusable ? .unauthenticated : .unavailable,
        message: "The token source has no usable token; the call was not sent.",
        cause: error
      )
    } catch {
      throw RPCError(
        code: .unavailable,
        message: "The token source has no token; the call was not sent."
      )
    }
    // The server's own rule, so that nothing leaves that the other side would have to repair.
    guard Self.isToken(self.token) else {
      throw RPCError(
        code: .unauthenticated,
        message: "The token source gave something that is no token; the call was not sent."
      )
    }
  }

  /// Another token than the refused one; nil if the source has none, whatever the reason: the answer
  /// of the server then says more than a failed attempt to get around it.
  init?(insteadOf refused: BearerToken, from source: any TokenSource) async {
    guard let token = (try? await source.replacement(for: refused)) ?? nil,
      token.fingerprint != refused.fingerprint, Self.isToken(token)
    else { return nil }
    self.token = token
  }

  /// The metadata with the token.
  func added(to metadata: Metadata) -> Metadata {
    var metadata = metadata
    metadata.addString(Self.value(self.token), forKey: "authorization")
    return metadata
  }

  /// - Throws: `RPCError` if the call carries a credential already. Which of the two was meant would
  ///   be a guess, and a server that guards itself refuses both.
  static func checkAbsence(in metadata: Metadata) throws(RPCError) {
    for (name, _) in metadata
    where name.equalsASCIICaseInsensitively("authorization")
      || name.equalsASCIICaseInsensitively("authorization-bin")
    {
      throw RPCError(
        code: .invalidArgument,
        message: "The call already has a credential; it was not sent."
      )
    }
  }

  private static func value(_ token: BearerToken) -> String {
    "Bearer \(String(decoding: token.bytes, as: UTF8.self))"
  }

  private static func isToken(_ token: BearerToken) -> Bool {
    (try? AuthorizationValue.token(Self.value(token))) != nil
  }
}

extension RPCError {
  static var notSentCancelled: RPCError {
    RPCError(code: .cancelled, message: "The call was cancelled; it was not sent.")
  }
}
