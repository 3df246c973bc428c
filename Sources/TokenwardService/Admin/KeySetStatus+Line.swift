// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

extension KeySetStatus {
  /// One line for people and for `grep`.
  var line: String {
    let age = self.age.map { "\($0.components.seconds)s" } ?? "never"
    let success = self.lastSuccess.map { "\($0.seconds)" } ?? "never"
    return [
      "issuer=\(JSONText.quoted(self.issuer.text))", "usable=\(self.isUsable)",
      "keys=\(self.keyCount)", "age=\(age)", "last_success=\(success)",
      "next_attempt=\(self.nextAttempt.components.seconds)s",
      "last_error=\(self.lastProblem?.rawValue ?? "none")",
    ].joined(separator: " ")
  }
}
