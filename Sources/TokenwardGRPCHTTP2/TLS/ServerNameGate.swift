// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

package import NIOCore
internal import NIOSSL
internal import NIOTLS

/// Stands behind the TLS handler of a client and lets nothing through, either way, until the server's
/// certificate is known to name the server that was asked for. Otherwise it closes the connection.
///
/// HTTP/2 is not told before that the connection is there, so that it has nothing to send; and as long
/// as it hears nothing of the server, no call is begun and no token is asked for.
package final class ServerNameGate: ChannelDuplexHandler {
  package typealias InboundIn = ByteBuffer
  package typealias InboundOut = ByteBuffer
  package typealias OutboundIn = IOData
  package typealias OutboundOut = IOData

  private enum State {
    case waiting, open, refused
  }

  private var state = State.waiting
  /// Whether those behind it have still to be told that the connection is there.
  private var owesActive = false
  private let isExpected: (any Channel) -> Bool

  /// - Parameter isExpected: asked once, when the handshake is complete.
  package init(isExpected: @escaping (any Channel) -> Bool) { self.isExpected = isExpected }

  package func channelActive(context: ChannelHandlerContext) {
    self.owesActive = true
    if self.state == .open { self.tellActive(context) }
  }

  package func channelInactive(context: ChannelHandlerContext) {
    // HTTP/2 does not pass on the end of a connection that it did not see begin. What it has to say
    // then goes nowhere.
    if self.state == .waiting { self.state = .refused }
    self.tellActive(context)
    context.fireChannelInactive()
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent, self.state == .waiting {
      self.decide(context)
    }
    context.fireUserInboundEventTriggered(event)
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard self.state == .open else { return }
    context.fireChannelRead(data)
  }

  package func write(
    context: ChannelHandlerContext,
    data: NIOAny,
    promise: EventLoopPromise<Void>?
  ) {
    guard self.state == .open else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    context.write(data, promise: promise)
  }

  private func decide(_ context: ChannelHandlerContext) {
    guard self.isExpected(context.channel) else {
      self.state = .refused
      let channel = context.channel
      // Not now: the TLS handler is in the middle of its work.
      channel.eventLoop.execute {
        channel.pipeline.fireErrorCaught(NIOSSLExtraError.failedToValidateHostname)
        channel.close(mode: .all, promise: nil)
      }
      return
    }
    self.state = .open
    self.tellActive(context)
  }

  private func tellActive(_ context: ChannelHandlerContext) {
    guard self.owesActive else { return }
    self.owesActive = false
    context.fireChannelActive()
  }
}

/// Who has to answer in the connections of a transport.
enum AskedServer: Sendable {
  /// The same for all of them; nobody can answer for what is no host.
  case host(String)
  /// The address of each.
  case connectedAddress

  /// Puts the gate into a connection that is being made. If that fails, there is no connection.
  func guardConnection(_ channel: any Channel) -> EventLoopFuture<Void> {
    channel.eventLoop.makeCompletedFuture {
      let pipeline = channel.pipeline.syncOperations
      let tls = try pipeline.handler(type: NIOSSLClientHandler.self)
      let gate = ServerNameGate { self.isProven(in: $0) }
      try pipeline.addHandler(gate, position: .after(tls))
    }
  }

  private func isProven(in channel: any Channel) -> Bool {
    guard let expected = self.expected(in: channel),
      let certificate = try? channel.pipeline.syncOperations.nioSSL_peerCertificate(),
      let names = CertificateNames(certificate)
    else { return false }
    return names.contain(expected)
  }

  private func expected(in channel: any Channel) -> ExpectedServer? {
    switch self {
    case .host(let host): ExpectedServer(host)
    case .connectedAddress: channel.remoteAddress?.ipAddress.flatMap(ExpectedServer.init)
    }
  }
}
