// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Logging
import Synchronization
import Testing
import TokenwardCore
import TokenwardService
import TokenwardTelemetry
import TokenwardTestKit

@Suite("The admin listener")
struct AdminServerTests {
  private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  @Test("serves metrics and health, and nothing else")
  func endpoints() async throws {
    let registry = PrometheusRegistry()
    let isReady = Atomic<Bool>(false)
    _ = MetricsObserver(issuers: ["https://issuer.test"], factory: registry)
    let readiness = { @Sendable in isReady.load(ordering: .relaxed) }
    try await Self.withServer(registry, isReady: readiness) { port in
      let metrics = try await Self.curl(port, "/metrics")
      #expect(metrics.status == 200)
      #expect(metrics.type == "text/plain; version=0.0.4; charset=utf-8")
      #expect(Array(metrics.body.utf8) == registry.render())
      #expect(metrics.body.contains("tokenward_build_info"))
      let health = try await Self.curl(port, "/healthz")
      #expect(health.status == 200 && health.body == "ok\n")
      #expect(try await Self.curl(port, "/readyz").status == 503)
      isReady.store(true, ordering: .relaxed)
      #expect(try await Self.curl(port, "/readyz").status == 200)
      for path in ["/", "/metrics/", "/metric%73", "//metrics", "/debug", "/healthz/../metrics"] {
        #expect(try await Self.curl(port, path).status == 404)
      }
      #expect(try await Self.curl(port, "/metrics", "-X", "POST", "-d", "x").status == 405)
      #expect(try await Self.curl(port, "/metrics", "-X", "DELETE").status == 405)
      let header = "X: " + String(repeating: "a", count: 100_000)
      #expect(try await Self.curl(port, "/metrics", "-H", header).status != 200)
      #expect(try await Self.curl(port, "/healthz").status == 200)
    }
  }

  @Test("refuses an address that other machines reach, unless told why")
  func remote() throws {
    let folder = try ConfigurationFolder()
    for host in ["127.0.0.1", "127.8.9.10", "[::1]"] {
      #expect(folder.problems("admin: {listen: \"\(host):0\"}") == [])
    }
    for host in ["0.0.0.0", "10.0.0.1", "128.0.0.1", "[::]", "[fe80::1]", "[::ffff:127.0.0.1]"] {
      #expect(folder.problems("admin: {listen: \"\(host):0\"}").count == 1)
    }
  }

  @Test("refuses it made by hand as well", arguments: [nil, "", " \t"])
  func remoteByHand(reason: String?) throws {
    func make(_ reason: String?) throws {
      _ = try AdminServer(
        .init(listen: try #require(ListenAddress("0.0.0.0:0")), allowRemoteBecause: reason),
        registry: PrometheusRegistry(),
        logger: Self.logger
      )
    }
    #expect(throws: ConfigurationError.self) { try make(reason) }
    try make("behind the firewall of the host")
  }

  private static func withServer(
    _ registry: PrometheusRegistry,
    isReady: @escaping @Sendable () -> Bool,
    _ body: (Int) async throws -> Void
  ) async throws {
    let folder = try ConfigurationFolder()
    let admin = try #require(try folder.configuration("admin: {listen: 127.0.0.1:0}").admin)
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    let server = try AdminServer(
      admin,
      registry: registry,
      logger: Self.logger,
      isReady: isReady,
      onListening: { continuation.yield($0) }
    )
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { continuation.finish() }
        try await server.run()
      }
      var iterator = ports.makeAsyncIterator()
      let port = try #require(await iterator.next())
      try await body(port)
      group.cancelAll()
      while let result = await group.nextResult() { _ = result }
    }
  }

  private struct Answer {
    var status = 0
    var type = ""
    var body = ""
  }

  private static func curl(
    _ port: Int,
    _ path: String,
    _ options: String...
  ) async throws -> Answer {
    let arguments =
      ["-s", "--path-as-is", "--max-time", "20", "-w", "\\n%{http_code} %{content_type}"] + options
      + ["http://127.0.0.1:\(port)\(path)"]
    let output = try await Self.run("/usr/bin/curl", arguments)
    var answer = Answer()
    guard let end = output.lastIndex(of: "\n") else { return answer }
    answer.body = String(output[..<end])
    let parts = output[output.index(after: end)...].split(separator: " ", maxSplits: 1)
    answer.status = parts.first.flatMap { Int($0) } ?? 0
    answer.type = parts.count > 1 ? String(parts[1]) : ""
    return answer
  }

  /// Runs a command without holding a thread of the concurrency pool.
  private static func run(_ command: String, _ arguments: [String]) async throws -> String {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        let process = Process()
        process.executableURL = URL(filePath: command)
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        do {
          try process.run()
          let data = try output.fileHandleForReading.readToEnd() ?? Data()
          process.waitUntilExit()
          continuation.resume(returning: String(decoding: data, as: UTF8.self))
        } catch {
          continuation.resume(throwing: error)
        }
      }
    }
  }
}
