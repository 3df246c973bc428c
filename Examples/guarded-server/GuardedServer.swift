// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser

/// A gRPC service behind the guard, and the calls that show what the guard does.
@main
struct GuardedServer: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "guarded-server",
    abstract: "An example service behind Tokenward's guard, and calls to try it with.",
    discussion: """
      EXAMPLE:
        tokenward dev init ./dev
        guarded-server serve --directory ./dev &
        guarded-server calls --directory ./dev --target localhost:8443
      """,
    subcommands: [Serve.self, Calls.self, AttackTarget.self]
  )
}
