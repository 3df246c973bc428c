// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// What an issuer asserted in a verified token, beyond what ``Principal`` has fields for.
///
/// Names are exact members of the top level; a name with dots is not a path. A claim of another
/// type than the one asked for is answered with nil, never converted.
public struct Claims: Sendable {
  private let document: JSONDocument?

  package init(_ document: JSONDocument) { self.document = document }

  /// No claims.
  public init() { self.document = nil }

  /// A claim that is a string.
  public func string(_ name: StaticString) -> String? {
    self.find(name) { document, node in document.string(node) }
  }

  /// A claim that is an array of strings only.
  public func strings(_ name: StaticString) -> [String]? {
    self.find(name) { document, node in
      guard document.kind(of: node) == .array else { return nil }
      var strings: [String] = []
      var isUniform = true
      document.forEachElement(of: node) { element in
        if let string = document.string(element) {
          strings.append(string)
        } else {
          isUniform = false
        }
      }
      return isUniform ? strings : nil
    }
  }

  /// A claim that is a number from 0 to 253,402,300,799 (the end of the year 9999) without an
  /// exponent, rounded down.
  public func integer(_ name: StaticString) -> Int64? {
    self.find(name) { document, node in document.numericDate(node) }
  }

  /// A claim that is true or false.
  public func bool(_ name: StaticString) -> Bool? {
    self.find(name) { document, node in document.bool(node) }
  }

  private func find<Value>(
    _ name: StaticString,
    _ read: (JSONDocument, JSONDocument.Node) -> Value?
  ) -> Value? {
    guard let document, let node = document.member(name, of: document.root) else { return nil }
    return read(document, node)
  }
}

extension Claims: CustomStringConvertible, CustomReflectable {
  /// Says that there are claims, not which: they may be about a person.
  public var description: String { "<claims>" }
  /// Nothing, for the same reason.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
