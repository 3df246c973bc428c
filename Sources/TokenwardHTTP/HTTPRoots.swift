// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Which authorities may vouch for a server that is asked.
public enum HTTPRoots: Sendable, Hashable {
  /// Those of the operating system.
  case system
  /// Those in a PEM file, and no others. The file is read again when it changes.
  case file(String)
}
