// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import TokenwardCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// The one command of Tokenward.
@main
struct Tokenward: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenward",
    abstract: "Fail-closed API tokens for gRPC.",
    discussion: """
      Tokens are read from files or standard input, never from arguments: arguments are visible to
      every user of the machine and stay in the shell's history.

      EXAMPLE:
        tokenward run --config tokenward.yaml
        tokenward login --server localhost:8443 --ca ca.pem --token-file admin.token
        tokenward token create --name ci --owner builds --audience orders --out ci.token
        tokenward token exchange --token-file ci.token --out ci.jwt

      COMPLETIONS:
        tokenward --generate-completion-script bash    (or zsh, fish)

      EXIT STATUS:
        0   allowed; or the command did what it was asked to do
        1   denied; or, for policy check, the policy does not fit
        2   could not decide or could not do it: a file, a clock or keys are not available
        64  the command line is wrong
        78  the configuration is wrong
      """,
    version: "0.1.0",
    subcommands: [
      RunCommand.self, LoginCommand.self, TokenCommand.self, RoleCommand.self, OwnerCommand.self,
      KeyCommand.self, AuditCommand.self, JOSECommand.self, PolicyCommand.self,
      DevelopmentCommand.self,
    ]
  )

  static func main() async {
    // A reader that goes away ends a command by an error of `write`, not by a signal that looks
    // like a crash. Files are private from the moment they exist.
    signal(SIGPIPE, SIG_IGN)
    umask(0o077)
    end(with: await self.run(Array(CommandLine.arguments.dropFirst())))
  }

  /// Runs one command line and says on standard error what went wrong.
  static func run(_ arguments: [String]) async -> ExitStatus {
    do {
      var command = try self.parseAsRoot(arguments)
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      return .success
    } catch let status as ExitStatus {
      return status
    } catch is OutputClosed {
      return .undecided
    } catch let error as ConfigurationError {
      let message = "error: the configuration cannot be used\n\(error)"
      Console.complain(
        ArgumentRedaction.apply(to: message, arguments: arguments, isUsage: false)
      )
      return .configuration
    } catch let failure as CommandFailure {
      let message = failure.description
      Console.complain(
        ArgumentRedaction.apply(to: message, arguments: arguments, isUsage: false)
      )
      return failure.status
    } catch {
      return self.report(error, of: arguments)
    }
  }

  /// The parser takes an `h` out of any bundle of letters for a request for help. A mistyped option
  /// must not end with 0, which means "allowed" to a script.
  private static func isRequestForHelp(_ arguments: [String]) -> Bool {
    let options = arguments.filter { $0.utf8.first == UInt8(ascii: "-") }
    return options.isEmpty
      || options.contains { option in
        ["-h", "--help", "-help", "--help-hidden", "--version"].contains(option)
          || option.utf8.starts(with: "--generate-completion-script".utf8)
      }
  }

  /// Help and version, which are no errors, and mistakes in the command line.
  private static func report(_ error: any Error, of arguments: [String]) -> ExitStatus {
    let message = self.fullMessage(for: error)
    guard self.exitCode(for: error).isSuccess, self.isRequestForHelp(arguments) else {
      let text = ArgumentRedaction.apply(to: message, arguments: arguments, isUsage: true)
      try? Console.standardError.write(text + "\n")
      return .usage
    }
    do {
      try Console.standardOutput.write(message + "\n")
      return .success
    } catch {
      return .undecided
    }
  }
}

// Outside of the type, which inherits a method of the same name.
private func end(with status: ExitStatus) -> Never { exit(status.rawValue) }
