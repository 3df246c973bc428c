// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// What a field of a request may be. Refused is refused: nothing is trimmed, folded or cut.
enum FieldRules {
  /// RFC 6749 §3.3, and short enough for a name.
  static func isScope(_ scope: Scope) -> Bool {
    Self.isPrintable(scope.text, atMost: AuthorityLimits.longestName)
  }

  /// A name or a URI: the bytes of a scope, for the same readers.
  static func isAudience(_ audience: Audience) -> Bool {
    Self.isPrintable(audience.text, atMost: 256)
  }

  /// Printable ASCII without space, quote and backslash.
  private static func isPrintable(_ text: String, atMost most: Int) -> Bool {
    (1 ... most).contains(text.utf8.count)
      && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }
  }

  /// A text for people: nothing that moves a cursor, hides or reorders what is shown (catalogue L02).
  static func isText(_ text: String, atMost most: Int) -> Bool {
    text.utf8.count <= most
      && text.unicodeScalars.allSatisfy { scalar in
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: false
        default: !scalar.properties.isDefaultIgnorableCodePoint
        }
      }
  }

  static func check(reason: String) throws(AuthorityError) {
    guard Self.isText(reason, atMost: AuthorityLimits.longestText) else {
      throw .invalid(
        field: "reason",
        problem: "must be at most \(AuthorityLimits.longestText) bytes without control characters"
      )
    }
  }

  static func checkName(_ text: String, _ field: String) throws(AuthorityError) {
    guard AuthorityLimits.isName(text) else {
      throw .invalid(
        field: field,
        problem: "must be 1 to \(AuthorityLimits.longestName) characters of A-Z a-z 0-9 . _ @ : -"
      )
    }
  }

  /// What the audit trail would withhold as a token cannot be granted: nobody could see later what was.
  static func checkShown(_ texts: [String], _ field: String) throws(AuthorityError) {
    guard !texts.contains(where: AuditText.looksLikeToken) else {
      throw .invalid(field: field, problem: "looks like a token")
    }
  }

  /// At most so many, none twice: a repeated entry is a mistake of somebody.
  static func checkList<Element: Hashable>(
    _ list: [Element],
    _ field: String,
    atLeast least: Int = 0
  ) throws(AuthorityError) {
    guard (least ... AuthorityLimits.mostGrants).contains(list.count) else {
      throw .invalid(
        field: field,
        problem: "must have \(least) to \(AuthorityLimits.mostGrants) entries"
      )
    }
    guard Set(list).count == list.count else {
      throw .invalid(field: field, problem: "has an entry twice")
    }
  }

  static func checkScopes(_ scopes: [Scope], _ field: String) throws(AuthorityError) {
    try Self.checkList(scopes, field)
    guard scopes.allSatisfy(Self.isScope) else {
      throw .invalid(
        field: field,
        problem: "must be printable ASCII without space, quote and backslash (RFC 6749 §3.3)"
      )
    }
  }
}
