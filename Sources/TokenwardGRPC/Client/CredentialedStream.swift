// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import TokenwardCore

/// What the application of a ``CredentialedClientTransport`` writes to.
struct CredentialedOutbound<Bytes: GRPCContiguousBytes & Sendable>: ClosableRPCWriterProtocol {
  let call: CredentialedCall<Bytes>

  func write(_ element: RPCRequestPart<Bytes>) async throws {
    switch element {
    case .metadata(let metadata): try await self.call.begin(metadata)
    case .message: try await self.call.send(element)
    }
  }

  func write(contentsOf elements: some Sequence<RPCRequestPart<Bytes>>) async throws {
    for element in elements { try await self.write(element) }
  }

  func finish() async { await self.call.finish(.finished) }

  func finish(throwing error: any Error) async { await self.call.finish(.failed(error)) }
}

/// What the application reads. The first part decides whether there is a second attempt; nothing of
/// the first one is seen if there is.
struct CredentialedInbound<Bytes: GRPCContiguousBytes & Sendable>: AsyncSequence, Sendable {
  typealias Element = RPCResponsePart<Bytes>
  typealias Failure = any Error

  let call: CredentialedCall<Bytes>
  let base: CredentialedCall<Bytes>.Inbound

  func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(call: self.call, base: self.base.makeAsyncIterator())
  }

  struct AsyncIterator: AsyncIteratorProtocol {
    private let call: CredentialedCall<Bytes>
    private var base: CredentialedCall<Bytes>.Inbound.AsyncIterator
    private var isDecided = false

    init(
      call: CredentialedCall<Bytes>,
      base: CredentialedCall<Bytes>.Inbound.AsyncIterator
    ) {
      self.call = call
      self.base = base
    }

    mutating func next() async throws -> RPCResponsePart<Bytes>? {
      try await self.next(isolation: nil)
    }

    mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws -> RPCResponsePart<Bytes>? {
      guard !self.isDecided else { return try await self.base.next(isolation: actor) }
      self.isDecided = true
      try await self.call.sent()
      let part: RPCResponsePart<Bytes>?
      do {
        part = try await self.base.next(isolation: actor)
      } catch {
        self.call.settle()
        throw error
      }
      guard case .status(let status, let metadata) = part,
        DenialDetails.isRefusalOfToken(status, metadata),
        let second = try await self.call.sendAgain()
      else {
        self.call.settle()
        return part
      }
      self.base = second.makeAsyncIterator()
      return try await self.base.next(isolation: actor)
    }
  }
}

extension DenialDetails {
  /// Whether a guarded server has refused the token itself, so that another one may be accepted. A
  /// status without such details, or of another domain, says nothing of the kind.
  static func isRefusalOfToken(_ status: Status, _ metadata: Metadata) -> Bool {
    guard status.code == .unauthenticated, let error = RPCError(status: status, metadata: metadata)
    else { return false }
    return Self(error)?.isRefusalOfToken ?? false
  }

  var isRefusalOfToken: Bool {
    self.domain.hasSameBytes(as: "tokenward.dev")
      && (self.reason.hasSameBytes(as: "ACCESS_TOKEN_EXPIRED")
        || self.reason.hasSameBytes(as: "ACCESS_TOKEN_INVALID"))
  }
}
