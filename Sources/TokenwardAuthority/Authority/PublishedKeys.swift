// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

/// The authority's own public keys, for tokens of its own that are shown to it.
final class PublishedKeys: KeySource {
  private struct Parsed {
    var document: [UInt8] = []
    var keys: KeySet?
  }

  private let source: SigningKeys
  private let parsed = Mutex(Parsed())

  init(_ source: SigningKeys) { self.source = source }

  func current(at now: Moment) -> KeySet? {
    let document = self.source.publicKeys()
    return self.parsed.withLock { parsed in
      if parsed.document != document {
        parsed.document = document
        parsed.keys = try? KeySet(jwks: document, trust: .publicKeys)
      }
      return parsed.keys
    }
  }
}
