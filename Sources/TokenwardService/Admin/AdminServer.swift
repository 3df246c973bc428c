// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Hummingbird
public import Logging
public import ServiceLifecycle
public import TokenwardCore
public import TokenwardTelemetry

/// Serves metrics and health over HTTP on a listener of its own, so that neither is ever reachable
/// through the port that clients use.
///
/// | path | answer |
/// |---|---|
/// | `/metrics` | the metrics in the Prometheus text format |
/// | `/healthz` | 200 while the process runs |
/// | `/readyz` | 200 while the process takes calls, 503 otherwise; then a line about each issuer's keys |
///
/// There is nothing else, and nothing that changes anything. It speaks plain HTTP without
/// authentication and therefore listens on loopback, unless the configuration says why it must not.
public struct AdminServer: Service {
  /// Most connections at a time.
  public static let maximumConnections = 64

  private let address: ListenAddress
  private let registry: PrometheusRegistry
  private let isReady: @Sendable () -> Bool
  private let details: @Sendable () -> [String]
  private let onListening: @Sendable (Int) -> Void
  private let logger: Logger

  /// - Parameters:
  ///   - configuration: where it listens.
  ///   - registry: the metrics.
  ///   - logger: told when it listens.
  ///   - isReady: whether the process takes calls.
  ///   - details: lines that `/readyz` shows below its answer.
  ///   - onListening: told the port, once there is one.
  /// - Throws: ``TokenwardCore/ConfigurationError`` for an address that other machines can reach
  ///   without a reason for it.
  public init(
    _ configuration: Configuration.Admin,
    registry: PrometheusRegistry,
    logger: Logger,
    isReady: @escaping @Sendable () -> Bool = { true },
    details: @escaping @Sendable () -> [String] = { [] },
    onListening: @escaping @Sendable (_ port: Int) -> Void = { _ in }
  ) throws(ConfigurationError) {
    // Read from a file it has been looked at before; made by hand it has not.
    let hasReason = configuration.allowRemoteBecause?.utf8.contains { $0 > 0x20 && $0 != 0x7F }
    guard configuration.listen.isLoopback || hasReason == true else {
      throw ConfigurationError([
        .init(
          path: "admin.listen",
          problem: "can be reached from other machines",
          hint: "listen on 127.0.0.1, or say why not in allow_remote_because"
        )
      ])
    }
    self.address = configuration.listen
    self.registry = registry
    self.logger = logger
    self.isReady = isReady
    self.details = details
    self.onListening = onListening
  }

  /// Serves until the service group shuts down.
  public func run() async throws {
    let application = Application(
      responder: CallbackResponder<BasicRequestContext> { request, _ in self.respond(to: request) },
      // A client that sends nothing, slowly, or ever more headers is cut off: this listener must not
      // be the way to exhaust a process that guards another one.
      server: .http1(
        configuration: .init(
          idleTimeout: .seconds(30),
          httpDecoderConfiguration: .init(
            maxHeaderFieldSize: 4_096,
            maxHeaderListSize: 8_192,
            maxHeaderFieldCount: 64
          )
        )
      ),
      configuration: .init(
        address: .hostname(self.address.host, port: self.address.port),
        backlog: 16,
        availableConnectionsDelegate: .maximum(Self.maximumConnections, logger: self.logger)
      ),
      onServerRunning: { channel in
        let port = channel.localAddress?.port ?? self.address.port
        self.logger.info(
          "metrics and health are served",
          metadata: ["host": "\(self.address.host)", "port": "\(port)"]
        )
        self.onListening(port)
      },
      logger: self.logger
    )
    try await application.run()
  }

  private func respond(to request: Request) -> Response {
    let path = request.uri.path
    let isMetrics = path.hasSameBytes(as: "/metrics")
    let isHealth = path.hasSameBytes(as: "/healthz")
    guard isMetrics || isHealth || path.hasSameBytes(as: "/readyz") else {
      return Self.text("not found\n", status: .notFound)
    }
    guard request.method == .get || request.method == .head else {
      return Self.text("only GET\n", status: .methodNotAllowed)
    }
    if isMetrics {
      return Self.response(self.registry.render(), .ok, type: PrometheusRegistry.contentType)
    }
    if isHealth { return Self.text("ok\n", status: .ok) }
    let isReady = self.isReady()
    let lines = [isReady ? "ok" : "not ready"] + self.details()
    return Self.text(
      lines.map { "\($0)\n" }.joined(),
      status: isReady ? .ok : .serviceUnavailable
    )
  }

  private static func text(_ text: String, status: HTTPResponse.Status) -> Response {
    self.response(Array(text.utf8), status, type: "text/plain; charset=utf-8")
  }

  private static func response(
    _ bytes: [UInt8],
    _ status: HTTPResponse.Status,
    type: String
  ) -> Response {
    Response(
      status: status,
      headers: [.contentType: type],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
    )
  }
}
