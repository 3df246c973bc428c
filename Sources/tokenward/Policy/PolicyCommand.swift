// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import TokenwardCore
internal import TokenwardService

/// `tokenward policy`.
struct PolicyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy",
    abstract: "Look at the policy of a configuration.",
    subcommands: [PolicyCheck.self]
  )
}

/// `tokenward policy check`.
struct PolicyCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "List every method with its rule, and what does not fit.",
    discussion: """
      With --descriptor-set, every method that the descriptors declare is listed with the rule
      that counts for it; methods without a rule and rules without a method are reported. Without
      it, the rules are listed. Rules that compete for the same methods are reported either way.

      EXAMPLE:
        protoc --include_imports --descriptor_set_out=orders.pb orders.proto
        tokenward policy check --config tokenward.yaml --descriptor-set orders.pb

      EXIT STATUS:
        0 the policy fits, 1 something is uncovered, unmatched or ambiguous, 2 a file cannot be
        read, 64 wrong command line, 78 the configuration is wrong in another way.
      """
  )

  @Option(help: ArgumentHelp("The configuration of the server.", valueName: "file"))
  var config: String

  @Option(help: ArgumentHelp("The server's protobuf descriptors.", valueName: "file"))
  var descriptorSet: String?

  @Option(help: "How to print: text or json.")
  var output: OutputFormat = .text

  func run() throws {
    var methods: [RPCMethod]?
    if let descriptorSet {
      let limit = DescriptorSet.maximumLength
      methods = try DescriptorSet.methods(in: FileReading.file(descriptorSet, limit: limit))
    }
    let report = try Self.report(config: self.config, methods: methods)
    try Console.standardOutput.write(report.text(self.output))
    guard report.isGood else { throw ExitStatus.denied }
  }

  private static func report(config: String, methods: [RPCMethod]?) throws -> PolicyReport {
    do throws(ConfigurationError) {
      let policy = try Configuration(contentsOf: config).makePolicy()
      return PolicyReport(policy: policy, methods: methods)
    } catch {
      guard let report = PolicyReport(ambiguitiesOf: error) else { throw error }
      return report
    }
  }
}
