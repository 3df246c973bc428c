// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// A record and what it is worth now.
public struct TokenStatus: Sendable, Hashable {
  /// The record.
  public let record: TokenRecord
  /// Whether the token works now, and if not, why not.
  public let state: State

  /// Whether an API token works.
  public enum State: String, Sendable, Hashable, CaseIterable {
    /// It works.
    case active
    /// Its `notBefore` is still to come.
    case notYetValid = "not_yet_valid"
    /// It has expired.
    case expired
    /// It was taken back, or everything of its owner or tenant that is as old.
    case revoked
    /// Its owner is disabled.
    case ownerDisabled = "owner_disabled"
  }

  package init(record: TokenRecord, state: State) {
    self.record = record
    self.state = state
  }
}
