// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOSSL
internal import TokenwardCore

/// The TLS of each connection of a listener.
///
/// Where clients prove certificates, each connection has a context of its own. A context holds the
/// keys of its session tickets, so that this forbids resumption: a client that resumes a session is
/// let in without its certificate being looked at, long after it has expired or its authority was
/// taken out of the file (RFC 8446 §4.6.1). And the context is made of what is trusted at that moment.
struct ConnectionTLS: Sendable {
  let asksForCertificates: Bool
  private let make: @Sendable () throws -> NIOSSLContext

  /// - Throws: `ConfigurationError` for TLS below 1.2, and what cannot be used.
  init(_ configuration: TLSConfiguration) throws(ConfigurationError) {
    let context = try Self.checked(configuration)
    let asksForCertificates = configuration.certificateVerification != .none
    self.asksForCertificates = asksForCertificates
    self.make = {
      asksForCertificates ? try NIOSSLContext(configuration: Self.http1(configuration)) : context
    }
  }

  /// - Parameter configuration: asked for each connection.
  /// - Throws: `ConfigurationError` for TLS below 1.2, and what cannot be used now.
  init(
    following configuration: @escaping @Sendable () -> TLSConfiguration
  ) throws(ConfigurationError) {
    let now = configuration()
    _ = try Self.checked(now)
    self.asksForCertificates = now.certificateVerification != .none
    self.make = { try NIOSSLContext(configuration: Self.http1(configuration())) }
  }

  private static func http1(_ configuration: TLSConfiguration) -> TLSConfiguration {
    var configuration = configuration
    configuration.applicationProtocols = ["http/1.1"]
    return configuration
  }

  private static func checked(
    _ configuration: TLSConfiguration
  ) throws(ConfigurationError) -> NIOSSLContext {
    guard configuration.minimumTLSVersion != .tlsv1, configuration.minimumTLSVersion != .tlsv11
    else {
      throw ConfigurationError([
        .init(
          path: "authority.http.tls",
          problem: "allows TLS below 1.2 (RFC 8996)",
          hint: "set the minimum to TLS 1.2"
        )
      ])
    }
    do {
      return try NIOSSLContext(configuration: Self.http1(configuration))
    } catch {
      throw ConfigurationError([
        .init(
          path: "authority.http.tls",
          problem: "has a certificate, a key or authorities that cannot be used",
          hint: "see whether the key belongs to the certificate"
        )
      ])
    }
  }

  /// The handler of one connection.
  func handler() throws -> NIOSSLServerHandler { NIOSSLServerHandler(context: try self.make()) }
}

/// A connection that is counted first, then protected, and speaks HTTP/1.1 then.
struct AdmittedChannel: ServerChildChannel {
  typealias Value = HTTP1Channel.Value

  let base: HTTP1Channel
  let admission: ConnectionAdmission
  let tls: ConnectionTLS?

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    self.admission.admit(channel).flatMapThrowing {
      guard let tls = self.tls else { return }
      try channel.pipeline.syncOperations.addHandler(try tls.handler())
    }.flatMap {
      self.base.setup(channel: channel, logger: logger)
    }.flatMapError { error in
      // What cannot be protected is not served.
      channel.close(promise: nil)
      return channel.eventLoop.makeFailedFuture(error)
    }
  }

  func handle(value: Value, logger: Logger) async {
    await self.base.handle(value: value, logger: logger)
  }
}
