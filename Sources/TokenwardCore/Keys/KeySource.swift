// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Where a verifier finds the present keys of an issuer. Read once per request, so it must answer
/// from memory.
public protocol KeySource: Sendable {
  /// The present keys, or nil if there are none yet: then every token is denied.
  var current: KeySet? { get }
}

/// Keys that do not change while the process runs.
public struct StaticKeys: KeySource {
  private let keys: KeySet

  /// Serves this set.
  public init(_ keys: KeySet) { self.keys = keys }

  /// The set.
  public var current: KeySet? { self.keys }
}
