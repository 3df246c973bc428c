// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import SwiftASN1
internal import TokenwardCore
internal import TokenwardService

/// `tokenward token verify`.
struct TokenVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Decide about a token as a guarded server would.",
    discussion: """
      Prints one line of JSON: verdict (accept, refuse or undecided), reason, issuer, subject,
      client_id, token_id, scopes, roles, issued_at, expires_at (Unix seconds, with the issuer's
      clock skew). Without --method it asks only whether the token is good, not what it may call.

      Keys that the configuration does not have in a file are fetched from their issuers first.

      With --batch, reads lines {"id":…,"token":"…"} and answers each with
      {"id":…,"verdict":"accept"|"refuse","reason":…}, in the same order.

      EXAMPLE:
        tokenward token verify --config tokenward.yaml --method orders.v1.Orders/Get < token

      EXIT STATUS:
        0 allowed, 1 denied, 2 could not decide, 64 wrong command line, 78 wrong configuration.
        With --batch 0, once every line is answered.
      """
  )

  @Option(help: ArgumentHelp("The configuration of the server.", valueName: "file"))
  var config: String

  @OptionGroup var input: TokenInput

  @Option(help: ArgumentHelp("Decide as of this time instead of now.", valueName: "unix-seconds"))
  var at: UnixSeconds?

  @Option(
    help: ArgumentHelp(
      "Decide about a call of this method, such as orders.v1.Orders/Get.",
      valueName: "method"
    )
  )
  var method: String?

  @Option(
    help: ArgumentHelp(
      "Decide as if the caller had proven this client certificate (PEM).",
      valueName: "file"
    )
  )
  var certificate: String?

  @Flag(help: "Read lines of JSON from standard input and answer each.")
  var batch = false

  @OptionGroup var format: JSONOutput

  func validate() throws {
    if self.batch, self.input.tokenFile != nil {
      throw ValidationError("--batch reads tokens from standard input; leave --token-file out.")
    }
    if let method, RPCMethod(fullName: method) == nil {
      throw ValidationError("--method is package.Service/Method, without a leading slash.")
    }
  }

  func run() throws {
    let configuration = try Configuration(contentsOf: self.config)
    KeyFetching.fetchMissing(of: configuration)
    let decision = try TokenDecision(
      verifier: try configuration.makeVerifier(),
      policy: self.method == nil ? nil : try configuration.makePolicy(),
      method: self.method.flatMap { RPCMethod(fullName: $0) },
      certificate: try self.certificate.map(Self.thumbprint),
      time: self.at.map { StoppedTime(time: $0.time) } ?? SystemTime()
    )
    guard !self.batch else { return try Batch(decision.answer(to:)).run() }
    let outcome = decision.decide(try self.input.read())
    try Console.standardOutput.write(outcome.json)
    guard outcome.status == .success else { throw outcome.status }
  }

  /// The thumbprint of a certificate in PEM form.
  static func thumbprint(_ path: String) throws(CommandFailure) -> CertificateThumbprint {
    let pem = try FileReading.file(path, limit: 64 * 1_024)
    guard let document = try? PEMDocument(pemString: String(decoding: pem, as: UTF8.self)),
      document.discriminator.utf8.elementsEqual("CERTIFICATE".utf8)
    else { throw CommandFailure("\(JSONText.quoted(path)) is no certificate in PEM form") }
    return CertificateThumbprint(der: document.derBytes)
  }
}

extension TokenDecision {
  /// The answer to a line of a batch.
  func answer(to request: BatchRequest) -> BatchAnswer {
    guard let token = request.string("token") else { return .refuse(.tokenMalformed) }
    return self.decide(token).answer
  }
}
