// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser

/// `tokenward jose`: signatures and keys, below claims and policy.
struct JOSECommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jose",
    abstract: "Check signatures and key sets by themselves.",
    subcommands: [JOSEVerify.self, JOSECheckKeys.self]
  )
}

/// `tokenward jose verify`.
struct JOSEVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Verify signatures, without looking at claims.",
    discussion: """
      Reads lines {"id":…,"jws":"…","jwk":{…}} or {"id":…,"jws":"…","jwks":{…}} from standard
      input and answers each with {"id":…,"verdict":"accept"|"refuse","reason":…}, in the same
      order, by the code that the guard uses. "algorithms":["ES256"] limits the algorithms;
      without it counts what the key says of itself. A line that cannot be read is refused.

      EXAMPLE:
        tokenward jose verify --batch < signatures.jsonl
      """
  )

  @Flag(help: "Read lines from standard input and answer each.")
  var batch = false

  @OptionGroup var format: JSONOutput

  func validate() throws { try requireBatch(self.batch) }

  func run() throws {
    let verification = SignatureVerification()
    try Batch(verification.answer(to:)).run()
  }
}

/// `tokenward jose check-keys`.
struct JOSECheckKeys: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-keys",
    abstract: "Check key sets as if a trusted issuer had published them.",
    discussion: """
      Reads lines {"id":…,"jwks":{…}} from standard input and answers each with
      {"id":…,"verdict":"accept"|"refuse","reason":…}, in the same order. A set with one usable
      key is accepted; keys that would not be used are listed under "skipped".

      EXAMPLE:
        tokenward jose check-keys --batch < key-sets.jsonl
      """
  )

  @Flag(help: "Read lines from standard input and answer each.")
  var batch = false

  @OptionGroup var format: JSONOutput

  func validate() throws { try requireBatch(self.batch) }

  func run() throws { try Batch(KeySetCheck.answer(to:)).run() }
}

private func requireBatch(_ isGiven: Bool) throws {
  guard isGiven else {
    throw ValidationError("Say --batch: lines are read from standard input, one question each.")
  }
}
