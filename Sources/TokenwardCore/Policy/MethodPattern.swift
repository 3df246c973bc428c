// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// A service's name in a rule; compared by bytes.
package struct ServiceName: ByteComparedText {
  package let text: String
  package init(_ text: String) { self.text = text }
}

/// The two forms that a rule's pattern may have.
package enum MethodPattern {
  case method(RPCMethod)
  case service(ServiceName)

  package init?(_ pattern: String) {
    if let method = RPCMethod(fullName: pattern) {
      self = .method(method)
    } else if pattern.utf8.suffix(2).elementsEqual("/*".utf8) {
      let service = String(decoding: pattern.utf8.dropLast(2), as: UTF8.self)
      // The grammar of a service is that of a method without its last part.
      guard RPCMethod(fullName: "\(service)/M") != nil else { return nil }
      self = .service(ServiceName(service))
    } else {
      return nil
    }
  }

  package static func problem(_ pattern: String, at path: String) -> ConfigurationError.Problem {
    let hint =
      if pattern.utf8.first == UInt8(ascii: "/") {
        "write it without the leading slash"
      } else if pattern.utf8.contains(UInt8(ascii: "*")) {
        "only package.Service/* is a pattern; list single methods by name"
      } else {
        "write package.Service/Method or package.Service/*"
      }
    return ConfigurationError.Problem(
      path: path,
      problem: "\"\(pattern)\" names no method",
      hint: hint
    )
  }
}

extension Requirement {
  /// What makes the requirement unusable in a rule.
  package func problems(at path: String) -> [ConfigurationError.Problem] {
    var problems: [ConfigurationError.Problem] = []
    func check<Name: ByteComparedText>(_ names: [Name]?, _ field: String, isScope: Bool) {
      guard let names else { return }
      if names.isEmpty {
        problems.append(
          .init(
            path: "\(path).\(field)",
            problem: "an empty list can be met by nobody or by everybody",
            hint: "name what is required, or write `authenticated` for any verified caller"
          )
        )
      }
      for name in names where !name.isUsable(asScope: isScope) {
        problems.append(
          .init(
            path: "\(path).\(field)",
            problem: "\"\(name.text)\" can never be granted",
            hint: "scopes are printable ASCII without space, quote and backslash (RFC 6749 §3.3);"
              + " roles are not empty"
          )
        )
      }
      if Set(names).count != names.count {
        problems.append(
          .init(path: "\(path).\(field)", problem: "a name twice", hint: "remove one of them")
        )
      }
    }
    check(self.allScopes, "scopes", isScope: true)
    check(self.anyScopes, "any_scopes", isScope: true)
    check(self.anyRoles, "roles", isScope: false)
    check(self.callers?.map(\.subject), "subjects", isScope: false)
    if self.isContradictory {
      problems.append(
        .init(
          path: path,
          problem: "the combined requirements contradict each other",
          hint: "give one list of each kind, and no anonymous access beside it"
        )
      )
    }
    if self.access == .anonymous, self.needsEndUser {
      problems.append(
        .init(
          path: path,
          problem: "anonymous callers are not end users",
          hint: "use `authenticated` for end users"
        )
      )
    }
    return problems
  }
}

extension ByteComparedText {
  fileprivate func isUsable(asScope: Bool) -> Bool {
    guard !self.text.isEmpty else { return false }
    guard asScope else { return true }
    return self.text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }
  }
}
