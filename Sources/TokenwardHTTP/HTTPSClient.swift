// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import Synchronization
package import TokenwardCore

/// Asks other servers within limits that hold whatever they answer (catalogue J03 to J05):
///
/// | limit | value |
/// |---|---|
/// | from the call to the last byte | ``deadline`` |
/// | body | ``maximumBody``, as it is on the wire: no encoding is asked for or accepted |
/// | protection | TLS 1.2 or later, certificate verified, for the name itself |
/// | redirects | none is followed: a 302 is an answer like any other |
/// | proxies | none, whatever the environment says |
/// | tracing and logging | none: both would quote addresses and headers |
package final class HTTPSClient: HTTPTransport {
  package static let deadline: Duration = .seconds(5)
  package static let maximumBody = 1 << 20

  private let roots: RootsFile
  private let deadline: Duration
  private let maximumBody: Int
  private let resolving: [String: String]
  private let pools = Mutex<Pools?>(nil)

  /// The connections under one state of the roots, by scheme, host and port.
  private struct Pools {
    var version: RootsFile.Version
    var roots: NIOSSLTrustRoots
    var byOrigin: [String: Pool] = [:]
  }

  /// Most servers whose connections are kept: a discovery document names one or two.
  private static let mostOrigins = 8

  /// - Parameters:
  ///   - roots: who may vouch for servers.
  ///   - deadline: from the call to the last byte.
  ///   - maximumBody: longest accepted body, in bytes.
  ///   - resolving: connect to these hosts instead of those that the names stand for; the
  ///     certificate is still checked against the name. For tests of names that move.
  /// - Throws: `ConfigurationError` if the roots cannot be used now.
  package init(
    roots: HTTPRoots,
    deadline: Duration = HTTPSClient.deadline,
    maximumBody: Int = HTTPSClient.maximumBody,
    resolving: [String: String] = [:]
  ) throws(ConfigurationError) {
    self.roots = RootsFile(roots)
    self.deadline = deadline
    self.maximumBody = maximumBody
    self.resolving = resolving
    guard self.roots.read() != nil else { throw self.roots.configurationError }
  }

  package func exchange(_ exchange: HTTPExchange) async throws(HTTPFailure) -> HTTPAnswer {
    let pool = try self.pool(for: exchange.url)
    let limit = min(self.deadline, exchange.deadline.map { $0 - .now } ?? self.deadline)
    guard limit > .zero else { throw .deadlineExceeded }
    let maximumBody = self.maximumBody
    do {
      return try await withThrowingTaskGroup(of: HTTPAnswer.self) { group in
        group.addTask { try await pool.run(exchange, deadline: limit, maximumBody: maximumBody) }
        // The client's own deadline is not for the body of a server that keeps sending.
        group.addTask {
          try await Task.sleep(for: limit)
          throw HTTPFailure.deadlineExceeded
        }
        defer { group.cancelAll() }
        guard let answer = try await group.next() else { throw HTTPFailure.cancelled }
        return answer
      }
    } catch {
      throw Task.isCancelled ? .cancelled : HTTPFailure(error)
    }
  }

  /// The connections that trust the present roots. Requests under way keep the ones they have.
  private func pool(for url: RemoteURL) throws(HTTPFailure) -> Pool {
    try self.pools.withLock { pools throws(HTTPFailure) in
      let version = self.roots.version()
      var present: Pools
      if let known = pools, known.version == version, known.version.isSettled {
        present = known
      } else {
        guard let (roots, version) = self.roots.read() else { throw .rootsUnusable }
        present = Pools(version: version, roots: roots)
      }
      if let pool = present.byOrigin[url.origin] { return pool }
      if present.byOrigin.count >= Self.mostOrigins { present.byOrigin = [:] }
      let pool = Pool(
        for: url,
        roots: present.roots,
        deadline: self.deadline,
        resolving: self.resolving
      )
      present.byOrigin[url.origin] = pool
      pools = present
      return pool
    }
  }
}

/// One client with its connections to one server. It shuts itself down when nobody uses it any more.
private final class Pool: Sendable {
  private let client: HTTPClient

  init(
    for url: RemoteURL,
    roots: NIOSSLTrustRoots,
    deadline: Duration,
    resolving: [String: String]
  ) {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.minimumTLSVersion = .tlsv12
    tls.trustRoots = roots
    tls.certificateVerification = .fullVerification
    var configuration = HTTPClient.Configuration(
      tlsConfiguration: tls,
      redirectConfiguration: .disallow,
      timeout: .init(connect: TimeAmount(deadline), read: TimeAmount(deadline)),
      decompression: .disabled
    )
    // One protocol less whose limits would have to be known.
    configuration.httpVersion = .http1Only
    configuration.connectionPool.idleTimeout = .seconds(30)
    // Whoever asks knows better when to try again.
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.dnsOverride = resolving
    configuration.tracing.tracer = nil
    if url.isTLS {
      // Called between the handshake and the first byte of a request.
      configuration.http1_1ConnectionDebugInitializer = { $0.checkServerName(url) }
    }
    self.client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  deinit { self.client.shutdown().whenComplete { _ in } }

  func run(
    _ exchange: HTTPExchange,
    deadline: Duration,
    maximumBody: Int
  ) async throws -> HTTPAnswer {
    var request = HTTPClientRequest(url: exchange.url.text)
    request.method = exchange.method == .get ? .GET : .POST
    for (name, value) in exchange.headers { request.headers.add(name: name, value: value) }
    request.headers.replaceOrAdd(name: "user-agent", value: "tokenward")
    if exchange.method == .post { request.body = .bytes(ByteBuffer(bytes: exchange.body)) }
    let response = try await self.client.execute(request, timeout: TimeAmount(deadline))
    // A small body may be a large one once it is unpacked.
    for encoding in response.headers["content-encoding"]
    where !encoding.equalsASCIICaseInsensitively("identity") {
      throw HTTPFailure.malformed
    }
    var body: [UInt8] = []
    for try await part in response.body {
      guard body.count + part.readableBytes <= maximumBody else { throw HTTPFailure.tooLarge }
      body.append(contentsOf: part.readableBytesView)
    }
    return HTTPAnswer(
      status: Int(response.status.code),
      headers: response.headers.map { ($0.name, $0.value) },
      body: body
    )
  }
}

extension HTTPFailure {
  /// What an error of the client means. None of its words are kept: they may quote the other side.
  fileprivate init(_ error: any Error) {
    switch error {
    case let failure as HTTPFailure: self = failure
    case is CancellationError: self = .cancelled
    case let error as HTTPClientError:
      switch error {
      case .deadlineExceeded, .readTimeout, .connectTimeout, .getConnectionFromPoolTimeout:
        self = .deadlineExceeded
      case .tlsHandshakeTimeout, .serverOfferedUnsupportedApplicationProtocol("http/1.1"):
        self = .tlsFailed
      case .cancelled: self = .cancelled
      case .remoteConnectionClosed, .uncleanShutdown: self = .connectionFailed
      default: self = .malformed
      }
    case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: self = .tlsFailed
    case is HTTPParserError: self = .malformed
    default: self = .connectionFailed
    }
  }
}

extension TimeAmount {
  fileprivate init(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    self = .seconds(seconds) + .nanoseconds(attoseconds / 1_000_000_000)
  }
}
