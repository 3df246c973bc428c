// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// What whoever opens an audit file knows of its chain from elsewhere.
///
/// Without that, removing the file together with its `NAME.head` would leave nothing that is missing:
/// a new chain would begin, and be whole.
public enum AuditHistory: Sendable, Hashable {
  /// Nothing: a chain that is not there begins.
  case unknown
  /// The chain has begun. If it is not there it was removed, and that is an error.
  case begun
  /// The chain has begun, it is lost, and somebody has decided to go on without: a new one begins,
  /// and its first record says that there was one before.
  case lost
}
