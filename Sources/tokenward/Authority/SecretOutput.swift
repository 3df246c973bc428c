// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import TokenwardCore

/// Where a new secret goes: a terminal, a file that only its owner can read, or, only if somebody says
/// so, whatever standard output is.
struct SecretOutput: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write the secret to this new file, which only you can read.",
      valueName: "file"
    )
  )
  var out: String?

  @Flag(help: "Print the secret although standard output is no terminal.")
  var stdout = false

  func validate() throws {
    guard self.out == nil || !self.stdout else {
      throw ValidationError("--out and --stdout are two places for one secret; give one of them.")
    }
  }

  /// Finds the place, before anybody is asked for a secret.
  /// - Parameter isTerminal: whether a person reads standard output.
  /// - Throws: ``CommandFailure`` if it would go into a pipe or file that nobody named: what reads it
  ///   may keep it, show it or pass it on.
  func destination(
    isTerminal: Bool = Console.standardOutput.isTerminal
  ) throws(CommandFailure) -> SecretDestination {
    if let out { return .file(try PrivateFile(path: out)) }
    guard isTerminal || self.stdout else {
      throw CommandFailure(
        "standard output is no terminal, and the secret is shown only once",
        hint: "write it to a file with --out FILE, or say --stdout if the pipe may have it",
        status: .usage
      )
    }
    return .output
  }
}

/// A place for one secret.
enum SecretDestination {
  case file(PrivateFile)
  case output
}

/// What a command got that has a secret in it.
struct IssuedSecret {
  /// The secret.
  let secret: String
  /// What people read about it: names and values.
  let facts: [(String, String)]
  /// What programs read about it; the secret or its file is added.
  let object: JSONObjectText

  /// Hands the secret out, once.
  func deliver(to destination: SecretDestination, as format: OutputFormat) throws {
    var object = self.object
    if case .file(let file) = destination {
      try file.write(Array("\(self.secret)\n".utf8))
      object.add("secret_file", file.path)
    } else {
      object.add("secret", self.secret)
    }
    switch (format, destination) {
    case (.json, _):
      try Console.standardOutput.write(object.text + "\n")
    case (.text, .file(let file)):
      let facts = self.facts + [("secret", "in \(file.path), shown nowhere else")]
      try Console.standardOutput.write(TextTable.facts(facts))
    case (.text, .output):
      // The secret alone on standard output, so that a script gets nothing else.
      Console.complain(TextTable.facts(self.facts) + "The secret, which is shown this once:")
      try Console.standardOutput.write("\(self.secret)\n")
    }
  }
}
