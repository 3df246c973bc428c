// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

extension NewToken {
  /// What it is to grant.
  var grants: Grants {
    Grants(
      roles: self.roles,
      scopes: self.scopes,
      audiences: self.audiences,
      networks: self.networks,
      certificate: self.certificate
    )
  }

  /// Checks everything that does not depend on the caller.
  func check() throws(AuthorityError) {
    try FieldRules.checkName(self.name, "name")
    try FieldRules.checkName(self.owner.text, "owner")
    try FieldRules.checkList(self.roles, "roles")
    for role in self.roles { try FieldRules.checkName(role.text, "roles") }
    try FieldRules.checkScopes(self.scopes, "scopes")
    try FieldRules.checkList(self.audiences, "audiences", atLeast: 1)
    guard self.audiences.allSatisfy(FieldRules.isAudience) else {
      throw .invalid(
        field: "audiences",
        problem: "must be 1 to 256 printable ASCII characters without space, quote and backslash"
      )
    }
    try FieldRules.checkShown([self.name], "name")
    try FieldRules.checkShown([self.owner.text], "owner")
    try FieldRules.checkShown(self.scopes.map(\.text), "scopes")
    try FieldRules.checkShown(self.audiences.map(\.text), "audiences")
    try FieldRules.checkList(self.networks, "networks")
    guard self.labels.count <= AuthorityLimits.mostLabels else {
      throw .invalid(field: "labels", problem: "must be at most \(AuthorityLimits.mostLabels)")
    }
    for (name, value) in self.labels {
      try FieldRules.checkName(name, "labels")
      guard FieldRules.isText(value, atMost: AuthorityLimits.longestName) else {
        throw .invalid(
          field: "labels",
          problem:
            "must have values of at most \(AuthorityLimits.longestName) bytes without control"
            + " characters"
        )
      }
    }
    if let notBefore, !(0 ... 253_402_300_799).contains(notBefore.seconds) {
      throw .invalid(field: "not_before", problem: "is not between 1970 and 9999")
    }
  }

  /// The whole request, for comparing it with one that was answered.
  func keyedText(_ tenant: Tenant) -> KeyedText {
    var text = KeyedText("tokenward create 1")
    text.add(self.name)
    text.add(tenant.text)
    text.add(self.owner.text)
    text.add(self.roles.map(\.text))
    text.add(self.scopes.map(\.text))
    text.add(self.audiences.map(\.text))
    text.add(self.lifetimeSeconds)
    text.add(self.notBefore.map(\.seconds))
    text.add(self.notBefore.map { Int64($0.nanoseconds) })
    text.add(Int64(self.networks.count))
    for network in self.networks {
      text.add(network.address)
      text.add(Int64(network.length))
    }
    text.add(Int64(self.certificate == nil ? 0 : 1))
    text.add(self.certificate?.bytes ?? [])
    text.add(Int64(self.labels.count))
    for (name, value) in self.labels.sorted(by: {
      $0.key.utf8.lexicographicallyPrecedes($1.key.utf8)
    }) {
      text.add(name)
      text.add(value)
    }
    return text
  }
}
