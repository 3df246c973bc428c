// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// One thing that happened to a signing key, for the audit trail.
public struct SigningKeyChange: Sendable, Hashable {
  /// What happened.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// It was made, and is published from now on.
    case made
    /// It signs from now on.
    case activated
    /// It signs no more, and stays published until its last token has expired.
    case retired
    /// It is no longer published.
    case removed
  }

  /// What happened.
  public let kind: Kind
  /// The key as it is now; for one that was removed, as it was.
  public let key: SigningKeyRecord

  package init(_ kind: Kind, _ key: SigningKeyRecord) {
    self.kind = kind
    self.key = key
  }
}
