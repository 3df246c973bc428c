// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

extension KVField {
  /// What is wrong with the names, as far as that can be told without asking anybody.
  static func problems(
    mount: String,
    path: String,
    field: String
  ) -> [ConfigurationError.Problem] {
    var problems: [ConfigurationError.Problem] = []
    func refuse(_ path: String, _ problem: String, _ hint: String) {
      problems.append(.init(path: path, problem: problem, hint: hint))
    }
    if !OpenBaoName.isPath(mount) {
      refuse("mount", "is not the path of an engine", OpenBaoName.grammar)
    }
    if OpenBaoName.looksLikeEnvironment(path) {
      refuse(
        "path",
        "names an environment variable; secrets are not taken from the environment",
        "write the secret into OpenBao: bao kv put; and name its path"
      )
    } else if !OpenBaoName.isPath(path) {
      refuse(
        "path",
        "is not the path of a secret",
        "write it as after bao kv get -mount=<mount>: " + OpenBaoName.grammar
      )
    }
    if !OpenBaoName.isLabel(field) {
      refuse(
        "field",
        "is empty, too long, or has invisible characters",
        "name a field of the secret"
      )
    }
    return problems
  }
}
