// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

extension AccessRequest: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The method and the door. A path outside the grammar is not shown: tokens are put into queries
  /// (RFC 6750 §2.3), and line breaks forge records.
  public var description: String {
    let method =
      RPCMethod(path: self.path)?.description ?? "a path of \(self.path.utf8.count) bytes"
    return "<request for \(method) through \(self.door.rawValue)>"
  }

  /// The method and the door.
  public var debugDescription: String { self.description }

  /// Nothing: a mirror would walk down to the credential (catalogue L08).
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension AccessRequest.Field: CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// Whether there is a value, not which.
  package var description: String {
    switch self {
    case .absent: "<absent>"
    case .value: "<one value>"
    case .repeated: "<several values>"
    }
  }

  /// Whether there is a value, not which.
  package var debugDescription: String { self.description }

  /// Nothing: the value may be a credential.
  package var customMirror: Mirror { Mirror(self, children: [:]) }
}
