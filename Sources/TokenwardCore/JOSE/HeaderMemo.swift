// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// Headers that were parsed before.
///
/// The tokens of one issuer share the same few header segments, so decoding and parsing them again
/// for each token is waste. A header is a pure function of its bytes and is found again by all of
/// them, so a hit gives what parsing would give. Remember a header only after its token was
/// verified: then a stranger can neither fill the memo nor push anything out of it.
package final class HeaderMemo: Sendable {
  /// More header segments than an issuer has keys in rotation.
  package static let capacity = 8

  package final class Entry: Sendable {
    /// The base64url header with the dot that ends it.
    package let segment: [UInt8]
    package let header: JWSHeader

    fileprivate init(segment: [UInt8], header: JWSHeader) {
      self.segment = segment
      self.header = header
    }
  }

  private struct State {
    var entries: [Entry] = []
    var next = 0
  }

  private let state = Mutex(State())

  package init() {}

  /// The entry whose header segment the token starts with.
  package func entry(matching token: Span<UInt8>) -> Entry? {
    let entries = self.state.withLock { $0.entries }
    for entry in entries {
      let segment = entry.segment
      if token.starts(with: segment.span) { return entry }
    }
    return nil
  }

  /// Keeps the header of a token that was verified. The oldest entry makes room.
  package func remember(_ jws: CompactJWS) {
    let segment = jws.headerSegment
    self.state.withLock { state in
      guard !state.entries.contains(where: { $0.segment.elementsEqual(segment) }) else { return }
      let entry = Entry(segment: Array(segment), header: jws.header)
      if state.entries.count < Self.capacity {
        state.entries.append(entry)
      } else {
        state.entries[state.next] = entry
        state.next = (state.next + 1) % Self.capacity
      }
    }
  }
}

extension Span<UInt8> {
  fileprivate func starts(with prefix: Span<UInt8>) -> Bool {
    guard prefix.count <= self.count else { return false }
    for index in prefix.indices where self[index] != prefix[index] { return false }
    return true
  }
}
