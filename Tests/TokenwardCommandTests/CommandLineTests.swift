// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardCore

@testable import tokenward

@Suite("The built command")
struct CommandLineTests {
  @Test("help says what there is, with an example, and ends with 0")
  func help() throws {
    let result = try BuiltCommand.run(["--help"])
    #expect(result.status == 0)
    #expect(result.complaint.isEmpty)
    #expect(
      result.output == """
        OVERVIEW: Fail-closed API tokens for gRPC.

        Tokens are read from files or standard input, never from arguments: arguments
        are visible to
        every user of the machine and stay in the shell's history.

        EXAMPLE:
          tokenward run --config tokenward.yaml
          tokenward login --server localhost:8443 --ca ca.pem --token-file admin.token
          tokenward token create --name ci --owner builds --audience orders --out
        ci.token
          tokenward token exchange --token-file ci.token --out ci.jwt

        COMPLETIONS:
          tokenward --generate-completion-script bash    (or zsh, fish)

        EXIT STATUS:
          0   allowed; or the command did what it was asked to do
          1   denied; or, for policy check, the policy does not fit
          2   could not decide or could not do it: a file, a clock or keys are not
        available
          64  the command line is wrong
          78  the configuration is wrong

        USAGE: tokenward <subcommand>

        OPTIONS:
          --version               Show the version.
          -h, --help              Show help information.

        SUBCOMMANDS:
          run                     Run what the configuration describes: a token
                                  authority.
          login                   Remember an authority and the API token to manage it
                                  with.
          token                   API tokens of an authority; decide about a token, or
                                  look into one.
          role                    Roles of an authority: names for sets of scopes.
          owner                   Owners of API tokens: whom tokens speak for.
          key                     Signing keys of an authority.
          audit                   Look at the audit files of an authority.
          jose                    Check signatures and key sets by themselves.
          policy                  Look at the policy of a configuration.
          dev                     Try things out. For development only.

          See 'tokenward help <subcommand>' for detailed help.

        """
    )
  }

  @Test(
    "each command has help with an example",
    arguments: [
      ["token", "verify"], ["token", "inspect"], ["jose", "verify"], ["jose", "check-keys"],
      ["policy", "check"], ["dev", "init"], ["dev", "token"], ["run"], ["login"],
      ["token", "create"], ["token", "list"], ["token", "show"], ["token", "rotate"],
      ["token", "revoke"], ["token", "exchange"], ["role", "list"], ["role", "show"],
      ["role", "put"], ["role", "delete"], ["owner", "show"], ["owner", "disable"],
      ["owner", "enable"], ["key", "list"], ["key", "rotate"], ["audit", "verify"],
      ["audit", "tail"],
    ]
  )
  func subcommandHelp(command: [String]) throws {
    let result = try BuiltCommand.run(command + ["--help"])
    #expect(result.status == 0)
    #expect(result.output.contains("EXAMPLE:"))
    #expect(result.output.contains("tokenward \(command.joined(separator: " "))"))
  }

  @Test(
    "a token among the arguments is not repeated",
    arguments: [
      ["token", "verify", "--config", "x", "TOKEN"], ["token", "verify", "--token", "TOKEN"],
      ["token", "verify", "--config", "x", "--at=TOKEN"], ["token", "inspect", "TOKEN"],
      ["token", "inspect", "--token-file", "TOKEN"], ["token", "verify", "--config", "TOKEN"],
      ["TOKEN"], ["token", "TOKEN"], ["dev", "token", "TOKEN"],
      ["policy", "check", "Bearer TOKEN"],
      ["--TOKEN"], ["token", "show", "TOKEN"], ["token", "revoke", "TOKEN"],
      ["token", "rotate", "TOKEN", "--grace", "1h"], ["login", "--server", "a:1", "TOKEN"],
      ["login", "--server", "a:1", "--token-file", "TOKEN"], ["token", "exchange", "TOKEN"],
      ["token", "create", "--name", "a", "--owner", "b", "--audience", "c", "--token", "TOKEN"],
    ]
  )
  func redacted(arguments: [String]) throws {
    for token in ["eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl", "twk_ab12_0123456789abcdef"]
    {
      let line = arguments.map { $0.replacingOccurrences(of: "TOKEN", with: token) }
      let result = try BuiltCommand.run(line)
      #expect(result.status != 0)
      #expect(!(result.output + result.complaint).contains(token.prefix(20)), "\(arguments)")
      #expect(result.complaint.contains("looks like a token"), "\(arguments)")
    }
  }

  @Test(
    "nor is an opaque token of somebody else",
    arguments: [
      ["token", "inspect", "--token-file", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"],
      ["token", "verify", "--config", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"],
      ["token", "verify", "-tS3cr3tOpaqueToken0123"], ["token", "verify", "S3cr3tOpaqueToken0123"],
    ]
  )
  func opaque(arguments: [String]) throws {
    let result = try BuiltCommand.run(arguments)
    #expect(result.status != 0)
    let written = result.output + result.complaint
    #expect(!written.contains("16C7e42F29") && !written.contains("S3cr3tOpaque"), "\(written)")
  }

  @Test("completions of three shells know the commands", arguments: ["bash", "zsh", "fish"])
  func completions(shell: String) throws {
    let result = try BuiltCommand.run(["--generate-completion-script", shell])
    #expect(result.status == 0)
    #expect(result.output.contains("exchange") && result.output.contains("tokenward"))
  }

  @Test("commands that write JSON only may be told so, and nothing else")
  func jsonOnly() throws {
    for command in [["jose", "verify", "--batch"], ["jose", "check-keys", "--batch"]] {
      #expect(try BuiltCommand.run(command + ["--output", "json"]).status == 0)
      #expect(try BuiltCommand.run(command + ["--output", "text"]).status == 64)
    }
    let verify = ["token", "verify", "--config", "none"]
    #expect(try BuiltCommand.run(verify + ["--output", "json"]).status == 78)
    #expect(try BuiltCommand.run(verify + ["--output", "text"]).status == 64)
  }

  @Test("the name of a file is shown")
  func fileNames() throws {
    let name = "Configuration-of-the-second-Server-2.yaml"
    let result = try BuiltCommand.run(["policy", "check", "--config", name])
    #expect(result.complaint.contains(name))
  }

  @Test("only a whole request for help ends with 0")
  func bundledHelp() throws {
    #expect(try BuiltCommand.run(["token", "verify", "--config", "x", "-qh"]).status == 64)
    #expect(try BuiltCommand.run(["token", "verify", "-tAhB"]).status == 64)
    #expect(try BuiltCommand.run(["token", "verify", "-h"]).status == 0)
    #expect(try BuiltCommand.run(["help", "token"]).status == 0)
    #expect(try BuiltCommand.run(["token"]).status == 0)
    #expect(try BuiltCommand.run(["--version"]).status == 0)
  }

  @Test("a wrong command line ends with 64, a wrong configuration with 78")
  func statuses() throws {
    let folder = try TemporaryFolder()
    let config = try folder.write("c.yaml", "policy: []\n")
    #expect(try BuiltCommand.run(["nonsense"]).status == 64)
    #expect(try BuiltCommand.run(["jose", "verify"]).status == 64)
    #expect(try BuiltCommand.run(["token", "verify", "--config", config]).status == 78)
    let missing = try BuiltCommand.run(["policy", "check", "--config", "\(folder.path)/none"])
    #expect(missing.status == 78)
    #expect(missing.complaint.contains("hint: "))
    #expect(try BuiltCommand.run(["token", "inspect"], input: "x").status == 2)
  }

  @Test("making, minting, verifying and inspecting work together")
  func together() throws {
    let folder = try TemporaryFolder()
    let dev = "\(folder.path)/dev"
    let config = "\(dev)/tokenward.yaml"
    #expect(try BuiltCommand.run(["dev", "init", dev]).status == 0)
    #expect(try permissions("\(dev)/issuer-es256.pem") == 0o600)

    let again = try BuiltCommand.run(["dev", "init", dev])
    #expect(again.status == 2)
    #expect(again.complaint.contains("hint: "))

    let mint = ["dev", "token", "--directory", dev, "--scope", "orders.read", "--ttl", "5m"]
    let token = try BuiltCommand.run(mint).output
    #expect(token.filter { $0 == "." }.count == 2)
    #expect(!token.contains("\n"))
    let file = "\(dev)/token"
    #expect(try BuiltCommand.run(mint + ["--out", file]).output.isEmpty)
    #expect(try permissions(file) == 0o600)

    let verify = ["token", "verify", "--config", config]
    let good = try BuiltCommand.run(verify, input: token + "\n")
    #expect(good.status == 0)
    #expect(good.output.hasPrefix(#"{"verdict":"accept","reason":null,"#))
    #expect(try BuiltCommand.run(verify + ["--token-file", file]).status == 0)

    let late = try BuiltCommand.run(verify + ["--at", "4000000000"], input: token)
    #expect(late.status == 1)
    #expect(late.output.hasPrefix(#"{"verdict":"refuse","reason":"tokenExpired","#))

    let adjust = ["--method", "tokenward.example.v1.Inventory/Adjust"]
    let forbidden = try BuiltCommand.run(verify + adjust, input: token)
    #expect(forbidden.status == 1)
    #expect(forbidden.output.hasPrefix(#"{"verdict":"refuse","reason":"scopeInsufficient","#))

    let lines = "{\"id\":1,\"token\":\"\(token)\"}\n\n{\"id\":\"2\",\"token\":\"\(token)x\"}"
    let batch = try BuiltCommand.run(verify + ["--batch"], input: lines)
    #expect(batch.status == 0)
    let answers = batch.output.split(separator: "\n")
    #expect(answers.count == 3)
    #expect(answers.first == #"{"id":1,"verdict":"accept","reason":null}"#)
    #expect(answers.dropFirst().allSatisfy { $0.contains(#""verdict":"refuse""#) })

    let inspection = try BuiltCommand.run(["token", "inspect"], input: token)
    #expect(inspection.status == 0)
    #expect(inspection.output.hasPrefix(TokenInspection.warning))
    let signature = try #require(token.split(separator: ".").last)
    #expect(!inspection.output.contains(signature))

    let check = try BuiltCommand.run(["policy", "check", "--config", config])
    #expect(check.status == 0)
    #expect(check.output.contains("tokenward.example.v1.Orders/Get"))
  }
}
