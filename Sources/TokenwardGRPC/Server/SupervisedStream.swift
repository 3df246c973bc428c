// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Synchronization
internal import TokenwardCore

/// The request parts of an admitted call: the first one again, without the credential, then the
/// rest as they come, until the call's permission ends.
struct SupervisedInbound<Bytes: GRPCContiguousBytes & Sendable>: AsyncSequence, Sendable {
  typealias Element = RPCRequestPart<Bytes>
  typealias Failure = any Error
  typealias Base = RPCAsyncSequence<RPCRequestPart<Bytes>, any Error>.AsyncIterator

  private let call: SupervisedCall?
  private let source: Source

  /// - Parameters:
  ///   - first: the part that was read for the decision.
  ///   - rest: the iterator that it was read with; transports allow one iterator only.
  ///   - call: the call, if its permission ends.
  init(first: RPCRequestPart<Bytes>, rest: Base, call: SupervisedCall?) {
    self.source = Source(first, rest)
    self.call = call
  }

  func makeAsyncIterator() -> Iterator {
    Iterator(source: self.source, call: self.call)
  }

  struct Iterator: AsyncIteratorProtocol {
    private var first: RPCRequestPart<Bytes>?
    private var rest: Base?
    private let call: SupervisedCall?

    fileprivate init(source: Source, call: SupervisedCall?) {
      let isOurs = source.claim()
      self.first = isOurs ? source.first : nil
      self.rest = isOurs ? source.rest : nil
      self.call = call
    }

    mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws -> RPCRequestPart<Bytes>? {
      try self.call?.checkOpen()
      if let first = self.first {
        self.first = nil
        return first
      }
      guard self.rest != nil else {
        throw RPCError(code: .internalError, message: "A request can be read once only.")
      }
      let part: RPCRequestPart<Bytes>?
      do {
        part = try await self.rest?.next(isolation: actor)
      } catch {
        // The deadline cancels the reader; the reason is what the handler should see.
        try self.call?.checkOpen()
        throw error
      }
      try self.call?.checkOpen()
      return part
    }

    mutating func next() async throws -> RPCRequestPart<Bytes>? {
      try await self.next(isolation: nil)
    }
  }

  /// Hands the iterator over once. Unchecked: the flag guards it, and iterators are not `Sendable`.
  /// (No tuple of the two: the runtime looks the type of a generic tuple up for every call.)
  fileprivate final class Source: @unchecked Sendable {
    let first: RPCRequestPart<Bytes>
    let rest: Base
    private let isClaimed = Atomic<Bool>(false)

    init(_ first: RPCRequestPart<Bytes>, _ rest: Base) {
      self.first = first
      self.rest = rest
    }

    /// - Returns: whether nobody claimed the iterator before.
    func claim() -> Bool { !self.isClaimed.exchange(true, ordering: .acquiringAndReleasing) }
  }
}

/// The response of an admitted call, refused after its permission has ended.
struct SupervisedOutbound<Bytes: GRPCContiguousBytes & Sendable>: ClosableRPCWriterProtocol {
  typealias Element = RPCResponsePart<Bytes>

  let call: SupervisedCall
  let base: RPCWriter<RPCResponsePart<Bytes>>.Closable

  func write(_ element: RPCResponsePart<Bytes>) async throws {
    if case .status(let status, let metadata) = element {
      if try self.call.claimStatus(status.code) {
        let own = metadata.withoutForeignDenial
        return try await self.base.write(own.map { .status(status, $0) } ?? element)
      }
      let response = DenialReason.tokenExpired.response
      return try await self.base.write(.status(response.status, response.metadata))
    }
    try self.call.beginWriting()
    defer { self.call.endWriting() }
    try await self.base.write(element)
  }

  func write(contentsOf elements: some Sequence<RPCResponsePart<Bytes>>) async throws {
    // One by one: the deadline may fall between two of them, and a status may be among them.
    for element in elements { try await self.write(element) }
  }

  func finish() async {
    // Not after the deadline: the status that says so may not be written yet.
    guard (try? self.call.claimStatus(nil)) != nil else { return }
    await self.base.finish()
  }

  func finish(throwing error: any Error) async {
    guard (try? self.call.claimStatus(nil)) != nil else { return }
    await self.base.finish(throwing: error)
  }
}
