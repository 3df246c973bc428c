// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import GRPCCore
internal import Logging
internal import TokenwardCore
internal import TokenwardService

/// `tokenward run`.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run what the configuration describes: a token authority.",
    discussion: """
      Prints `grpc HOST:PORT`, `http HOST:PORT` and `admin HOST:PORT` once each listens, and on the
      first start `administrator FILE`: the file with the token that makes all others. The token itself
      is shown nowhere. The log goes to standard error.

      SIGTERM and SIGINT end it in order. SIGHUP opens the audit files again, after log rotation has
      renamed them, and reads TLS files again; it does not read the configuration again.

      EXAMPLE:
        tokenward run --config tokenward.yaml

      EXIT STATUS:
        0 ended in order, 2 could not start or ended by itself, 64 wrong command line, 78 wrong
        configuration.
      """
  )

  @Option(help: ArgumentHelp("The configuration.", valueName: "file"))
  var config: String

  @Option(help: "How log lines look: text or json.")
  var logFormat: OutputFormat = .text

  @Option(help: "The least level that is logged: debug, info, notice, warning or error.")
  var logLevel: LogLevelArgument = .info

  @Flag(
    help: """
      Make another administrator's token, for whoever has lost every one; its file must not exist.
      """
  )
  var newAdministrator = false

  @Flag(help: "Make a new pepper first. Digests under the old one are renewed when they are used.")
  var rotatePepper = false

  @Flag(
    help: """
      Issue although records are dated in the future: the clock was wrong before and is right now.
      """
  )
  var acceptRecordsFromFuture = false

  @Flag(
    help: """
      Take a database that was put back from a backup; what was revoked since then works again.
      """
  )
  var acceptRestored = false

  @Flag(
    help: """
      Begin a new audit chain although there was one: its files are gone and cannot be put back.
      """
  )
  var acceptLostAudit = false

  func run() async throws {
    let registry = AuthorityProcess.bootstrap(
      format: self.logFormat == .json ? .json : .text,
      level: self.logLevel.level
    )
    let configuration = try Configuration(contentsOf: self.config)
    let process = try AuthorityProcess(
      configuration,
      registry: registry,
      logger: Logger(label: "tokenward"),
      onAdminListening: { port in
        Self.announce("admin", configuration.admin?.listen.host ?? "", port)
      }
    )
    var options = AuthorityService.Options()
    options.acceptsRecordsFromFuture = self.acceptRecordsFromFuture
    options.acceptsRestored = self.acceptRestored
    options.acceptsLostAudit = self.acceptLostAudit
    options.makesNewAdministrator = self.newAdministrator
    options.rotatesPepper = self.rotatePepper
    do {
      try await process.run(
        options: options,
        onOpen: { file in
          if let file { try? Console.standardOutput.write("administrator \(file)\n") }
        },
        onListening: { face, port in
          let server = face == .grpc ? configuration.authority?.grpc : configuration.authority?.http
          Self.announce(face.rawValue, server?.listen.host ?? "", port)
        }
      )
    } catch let error as AuthorityStartError {
      throw CommandFailure(error.problem, hint: error.hint)
    } catch let error as RuntimeError {
      throw error.cause as? ConfigurationError
        ?? CommandFailure("the server ended: \(error.message)")
    } catch let error as ConfigurationError {
      throw error
    } catch {
      throw CommandFailure(
        "the process ended by itself: \(error)",
        hint: "is an address in use already? The log says more"
      )
    }
  }

  private static func announce(_ what: String, _ host: String, _ port: Int) {
    let isIPv6 = host.utf8.contains(UInt8(ascii: ":"))
    try? Console.standardOutput.write("\(what) \(isIPv6 ? "[\(host)]" : host):\(port)\n")
  }
}

/// A level of the log.
enum LogLevelArgument: String, ExpressibleByArgument, CaseIterable {
  case debug, info, notice, warning, error

  var level: Logger.Level {
    switch self {
    case .debug: .debug
    case .info: .info
    case .notice: .notice
    case .warning: .warning
    case .error: .error
    }
  }
}
