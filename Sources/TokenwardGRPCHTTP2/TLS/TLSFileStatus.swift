// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// How a value that is read from files stands. Alert on ``problem``, and on ``notAfter`` coming near:
/// whoever renews the files has stopped doing so.
public struct TLSFileStatus: Sendable, Hashable {
  /// When the files were last seen to hold what is in use.
  public let lastSuccess: UnixTime

  /// What is wrong with the files now; nil if they hold what is in use. While there is a problem, the
  /// last good content stays in use. There are no bytes of the files in it.
  public let problem: ConfigurationError.Problem?

  /// The last second in which what is in use is valid: that of the first certificate of a chain, or
  /// of the root that ends first.
  public let notAfter: UnixTime

  /// How many times new content has replaced the old, since the start.
  public let reloads: Int
}
