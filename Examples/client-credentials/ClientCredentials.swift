// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import Foundation
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardGRPCHTTP2

/// A client that gets its tokens by itself, renews them before they expire, and measures its calls.
@main
struct ClientCredentials: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "client-credentials",
    abstract: "Call the example service with tokens that are fetched and renewed on the way.",
    discussion: """
      EXAMPLE:
        client-credentials --token-endpoint https://localhost:8444/token --token-ca issuer-ca.pem \\
          --client-id orders --client-secret-file secret --scope orders.read \\
          --server localhost:8443 --server-ca ca.pem --bound-to localhost:8443 \\
          --calls 12000 --rate 200 --output json

      Exits with 1 if a call failed, and with 78 if the options are not usable.
      """
  )

  @OptionGroup(title: "Where tokens come from") var source: SourceOptions
  @OptionGroup(title: "Where the calls go") var server: ServerOptions
  @OptionGroup(title: "How many calls") var load: LoadOptions

  func run() async throws {
    do {
      let fetches = CountingFetches()
      let source = MeasuredSource(
        try self.source.make(counting: fetches),
        slowAfter: .milliseconds(self.load.slowMilliseconds)
      )
      // The line that puts a token into every call, and refuses to be made for any other host.
      let transport: CredentialedClientTransport<HTTP2ClientTransport.Posix> = try .http2NIOPosix(
        target: self.server.target(),
        presenting: source,
        boundTo: self.server.bindings(),
        transportSecurity: self.server.security(),
        config: .defaults { $0.http2.authority = self.server.serverName }
      )
      let load = self.load
      let report = try await withGRPCClient(transport: transport) { client in
        try await OrdersLoad(client: client, load: load, onBegin: { source.begin() }).run()
      }
      let summary = Summary(report, source: source, fetches: fetches)
      try summary.print(as: self.load.output)
      if let failure = report.firstFailure {
        let cause = (failure.cause as? TokenSourceError).map { "\n\($0)" } ?? ""
        FileHandle.standardError.write(Data("first failure: \(failure.message)\(cause)\n".utf8))
        throw ExitCode(1)
      }
    } catch let error as ConfigurationError {
      FileHandle.standardError.write(Data("the options are not usable:\n\(error)\n".utf8))
      throw ExitCode(78)
    }
  }
}
