// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Where a verifier finds the present keys of an issuer. Read once per request, so it must answer
/// from memory.
public protocol KeySource: Sendable {
  /// The keys that count now, or nil if there are none: then every token is denied.
  /// - Parameter now: the moment of the request. Keys may be too old to count.
  func current(at now: Moment) -> KeySet?

  /// Told that a token names a key which ``current(at:)`` does not have: its issuer may have rotated
  /// its keys. Strangers choose what tokens name, so this must cost next to nothing and may not
  /// become a request to the issuer each time (catalogue J06).
  /// - Parameters:
  ///   - id: the key that the token names; nil if it names none.
  ///   - now: the moment of the request.
  /// - Returns: what to wait for before the token is judged again; nil if nothing is on its way.
  func lookup(for id: KeyID?, at now: Moment) -> KeyLookup?
}

extension KeySource {
  /// Nothing is on its way, unless the source can ask somebody.
  public func lookup(for id: KeyID?, at now: Moment) -> KeyLookup? { nil }
}

/// New keys that are on their way.
public struct KeyLookup: Sendable {
  private let arrival: @Sendable () async -> Bool

  /// - Parameter arrival: returns when the issuer has answered, or will not; early if its task is
  ///   cancelled. It must be bounded in time. It answers false if it could not be waited for: then
  ///   nothing is known of the key, and the token is denied as undecidable instead of as wrong.
  public init(_ arrival: @escaping @Sendable () async -> Bool) { self.arrival = arrival }

  /// Waits until the issuer has answered, or will not.
  /// - Returns: whether it could be waited for.
  public func wait() async -> Bool { await self.arrival() }
}

/// Keys that do not change while the process runs.
public struct StaticKeys: KeySource {
  private let keys: KeySet

  /// Serves this set.
  public init(_ keys: KeySet) { self.keys = keys }

  /// The set, at any moment.
  public func current(at now: Moment) -> KeySet? { self.keys }
}
