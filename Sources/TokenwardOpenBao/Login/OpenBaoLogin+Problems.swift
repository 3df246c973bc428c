// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

extension OpenBaoLogin {
  /// What is wrong with it, as far as that can be told without asking anybody.
  func problems() -> [ConfigurationError.Problem] {
    switch self {
    case .appRole(let mount, let roleID, let secretID):
      var problems = Self.mountProblems(mount)
      switch roleID {
      case .value(let value): problems += Self.roleIDProblems(value)
      case .file(let path): problems += Self.fileProblems(path, "login.role_id_file")
      }
      switch secretID {
      case .file(let path): problems += Self.fileProblems(path, "login.secret_id_file")
      case .wrappedFile(let path):
        problems += Self.fileProblems(path, "login.wrapped_secret_id_file")
      }
      return problems
    case .kubernetes(let mount, let role, let tokenFile):
      var problems = Self.mountProblems(mount)
      if !OpenBaoName.isLabel(role) {
        problems.append(
          .init(
            path: "login.role",
            problem: "is empty, too long, or has invisible characters",
            hint: "name the role of the login method"
          )
        )
      }
      return problems + Self.fileProblems(tokenFile, "login.token_file")
    case .tokenFile(let path): return Self.fileProblems(path, "login.token_file")
    }
  }

  private static func mountProblems(_ mount: String) -> [ConfigurationError.Problem] {
    guard !OpenBaoName.isPath(mount) else { return [] }
    return [
      .init(
        path: "login.mount",
        problem: "is not the path of a login method",
        hint: "write it as bao auth list does, without auth/ and without the slash at its end: "
          + OpenBaoName.grammar
      )
    ]
  }

  private static func roleIDProblems(_ value: String) -> [ConfigurationError.Problem] {
    if OpenBaoName.looksLikeEnvironment(value) {
      return [Self.environmentProblem("login.role_id")]
    }
    guard HeldSecret(Array(value.utf8)) == nil else { return [] }
    return [
      .init(
        path: "login.role_id",
        problem: "is empty, too long, or more than visible ASCII",
        hint: "bao read auth/<mount>/role/<role>/role-id shows it"
      )
    ]
  }

  /// The value is not repeated: somebody may have written the secret where its file should be.
  private static func fileProblems(
    _ path: String,
    _ name: String
  ) -> [ConfigurationError.Problem] {
    if OpenBaoName.looksLikeEnvironment(path) { return [Self.environmentProblem(name)] }
    let isPath = ["/", "./", "../"].contains { path.utf8.starts(with: $0.utf8) }
    guard !isPath || path.utf8.contains(0) else { return [] }
    return [
      .init(
        path: name,
        problem: "is not the path of a file",
        hint: "write /etc/… or ./…; the secret itself is never written here, only where it is"
      )
    ]
  }

  private static func environmentProblem(_ name: String) -> ConfigurationError.Problem {
    .init(
      path: name,
      problem: "names an environment variable; secrets are not taken from the environment, which "
        + "child processes inherit and crash reports quote",
      hint: "write the credential into a file, chmod 600 it, and name the file"
    )
  }
}
