// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardGRPCHTTP2

/// Where the calls go, and where the tokens may.
struct ServerOptions: ParsableArguments {
  @Option(help: "Host and port of the service.")
  var server: String

  @Option(help: "The name in the server's certificate, if the service is reached by its address.")
  var serverName: String?

  @Option(help: "The PEM file of the authority that signed the server's certificate.")
  var serverCA: String?

  @Option(help: "Why the calls go without TLS; they do not unless given.")
  var serverPlaintext: String?

  @Option(
    help: "Host and port that the tokens are meant for; may be repeated. Nothing goes elsewhere."
  )
  var boundTo: [String] = []

  func target() throws(ConfigurationError) -> any ResolvableTarget {
    let (host, port) = try Self.split(self.server, at: "server")
    let isIPv4 = host.utf8.allSatisfy { (0x30 ... 0x39).contains($0) || $0 == 0x2E }
    return isIPv4
      ? ResolvableTargets.IPv4(addresses: [.init(host: host, port: port)])
      : ResolvableTargets.DNS(host: host, port: port)
  }

  func bindings() throws(ConfigurationError) -> [BoundHost] {
    var hosts: [BoundHost] = []
    for text in self.boundTo {
      let (host, port) = try Self.split(text, at: "bound-to")
      hosts.append(try BoundHost(host, port: port))
    }
    return hosts
  }

  func security() -> CredentialedTransportSecurity {
    if let reason = self.serverPlaintext { return .plaintext(because: reason) }
    guard let file = self.serverCA else { return .tls }
    return .tls(trustRoots: .certificates([.file(path: file, format: .pem)]))
  }

  private static func split(
    _ text: String,
    at path: String
  ) throws(ConfigurationError) -> (String, Int) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let port = Int(parts[1]), (1 ... 65_535).contains(port) else {
      throw problem(path, "is no host and port", "write orders.example.com:8443")
    }
    return (String(parts[0]), port)
  }
}

/// How many calls, and how fast.
struct LoadOptions: ParsableArguments {
  enum Output: String, ExpressibleByArgument, Sendable { case text, json }

  @Option(help: "How many calls.")
  var calls = 1

  @Option(help: "How many calls a second; as fast as one follows the other unless given.")
  var rate: Int?

  @Option(help: "After how many milliseconds of waiting for its token a call counts as delayed.")
  var slowMilliseconds = 5

  @Option(help: "text or json.")
  var output = Output.text

  func validate() throws {
    guard self.calls > 0, self.calls <= 100_000_000,
      self.rate.map({ (1 ... 100_000).contains($0) }) ?? true,
      self.slowMilliseconds > 0
    else { throw ValidationError("calls, rate and milliseconds are positive numbers") }
  }
}
