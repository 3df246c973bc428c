// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Crypto
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import SwiftASN1
import Synchronization
import X509

/// A server that answers every connection with the same bytes, well-formed HTTP or not, and then goes
/// on as a test likes.
final class FaultServer: Sendable {
  /// What follows the first bytes.
  enum Rest: Sendable {
    /// The connection is closed.
    case close
    /// Nothing, with the connection open.
    case silence
    /// One byte after the other, for ever.
    case drip(milliseconds: Int64)
    /// Blocks of 64 KiB as fast as they are read, for ever.
    case flood
  }

  /// Not those of the client under test.
  private static let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  let port: Int
  private let channel: any Channel
  private let connections: Counter

  final class Counter: Sendable {
    private let state = Mutex((count: 0, open: 0, bytes: [UInt8]()))
    func connected() {
      self.state.withLock { state in
        state.count += 1
        state.open += 1
      }
    }
    func disconnected() { self.state.withLock { $0.open -= 1 } }
    var open: Int { self.state.withLock { $0.open } }
    func received(_ bytes: [UInt8]) { self.state.withLock { $0.bytes += bytes } }
    var count: Int { self.state.withLock { $0.count } }
    var text: String { self.state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }
  }

  init(tls identity: FaultPKI.Identity?, answer: String, then rest: Rest = .close) async throws {
    let counter = Counter()
    let context = try identity.map { identity in
      var configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: [.certificate(identity.certificate)],
        privateKey: .privateKey(identity.key)
      )
      configuration.minimumTLSVersion = .tlsv1
      configuration.maximumTLSVersion = identity.maximumTLSVersion
      return try NIOSSLContext(configuration: configuration)
    }
    self.channel = try await ServerBootstrap(group: Self.loops)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let context {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
          }
          try channel.pipeline.syncOperations.addHandler(
            Handler(answer: Array(answer.utf8), rest: rest, counter: counter)
          )
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    self.port = self.channel.localAddress?.port ?? 0
    self.connections = counter
  }

  /// How many connections were made.
  var connectionCount: Int { self.connections.count }
  /// How many of them are open.
  var openCount: Int { self.connections.open }
  /// Everything that was received.
  var received: String { self.connections.text }

  func stop() async { try? await self.channel.close() }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: [UInt8]
    private let rest: Rest
    private let counter: Counter
    private var isAnswered = false

    init(answer: [UInt8], rest: Rest, counter: Counter) {
      self.answer = answer
      self.rest = rest
      self.counter = counter
    }

    func channelActive(context: ChannelHandlerContext) { self.counter.connected() }
    func channelInactive(context: ChannelHandlerContext) { self.counter.disconnected() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      self.counter.received(Array(self.unwrapInboundIn(data).readableBytesView))
      if self.isAnswered { return }
      self.isAnswered = true
      context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: self.answer)), promise: nil)
      switch self.rest {
      case .close: context.close(promise: nil)
      case .silence: break
      case .drip(let milliseconds): self.drip(context, .milliseconds(milliseconds))
      case .flood: self.flood(context)
      }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }

    private func drip(_ context: ChannelHandlerContext, _ pause: TimeAmount) {
      guard context.channel.isActive else { return }
      context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: "a")), promise: nil)
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      context.eventLoop.scheduleTask(in: pause) { bound.value.0.drip(bound.value.1, pause) }
    }

    private func flood(_ context: ChannelHandlerContext) {
      guard context.channel.isActive else { return }
      let block = ByteBuffer(repeating: UInt8(ascii: "a"), count: 65_536)
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      // With a pause: a loop that always has something to do reads nothing.
      context.writeAndFlush(self.wrapOutboundOut(block)).whenSuccess {
        bound.eventLoop.scheduleTask(in: .milliseconds(1)) { bound.value.0.flood(bound.value.1) }
      }
    }
  }
}

/// Certificates for the servers of a test.
struct FaultPKI {
  private let key = P256.Signing.PrivateKey()
  private let name: DistinguishedName
  private let root: Certificate

  struct Identity: Sendable {
    let certificate: NIOSSLCertificate
    let key: NIOSSLPrivateKey
    var maximumTLSVersion: TLSVersion = .tlsv13
  }

  init() throws {
    self.name = try DistinguishedName { CommonName("CA of a test") }
    self.root = try Self.certificate(
      subject: self.name,
      key: self.key,
      issuer: self.name,
      issuerKey: self.key,
      days: 1,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
        Critical(KeyUsage(keyCertSign: true))
      }
    )
  }

  /// The authority as a PEM file would have it.
  var pem: String { get throws { try self.root.serializeAsPEM().pemString } }

  /// - Parameter days: how long it is valid from now; negative for one that has expired.
  func identity(names: [GeneralName] = Self.loopback, days: Int = 1) throws -> Identity {
    let key = P256.Signing.PrivateKey()
    let certificate = try Self.certificate(
      subject: try DistinguishedName { CommonName("server") },
      key: key,
      issuer: self.name,
      issuerKey: self.key,
      days: days,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([.serverAuth])
        SubjectAlternativeNames(names)
      }
    )
    var serializer = DER.Serializer()
    try serializer.serialize(certificate)
    return Identity(
      certificate: try NIOSSLCertificate(bytes: serializer.serializedBytes, format: .der),
      key: try NIOSSLPrivateKey(bytes: Array(key.derRepresentation), format: .der)
    )
  }

  static let loopback: [GeneralName] = [
    .dnsName("localhost"), .ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1])),
  ]

  private static func certificate(
    subject: DistinguishedName,
    key: P256.Signing.PrivateKey,
    issuer: DistinguishedName,
    issuerKey: P256.Signing.PrivateKey,
    days: Int,
    extensions: Certificate.Extensions
  ) throws -> Certificate {
    try Certificate(
      version: .v3,
      serialNumber: Certificate.SerialNumber(),
      publicKey: Certificate.PrivateKey(key).publicKey,
      notValidBefore: Date(timeIntervalSinceNow: -10 * 86_400),
      notValidAfter: Date(timeIntervalSinceNow: TimeInterval(days * 86_400)),
      issuer: issuer,
      subject: subject,
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: extensions,
      issuerPrivateKey: Certificate.PrivateKey(issuerKey)
    )
  }
}
