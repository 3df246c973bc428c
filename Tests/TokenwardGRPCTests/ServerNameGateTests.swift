// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import NIOCore
internal import NIOEmbedded
internal import NIOTLS
internal import Testing
internal import TokenwardGRPCHTTP2

@Suite("A connection whose server has not proven its name")
struct ServerNameGateTests {
  /// What those behind the gate are told.
  private final class Listener: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    var events: [String] = []

    func channelActive(context: ChannelHandlerContext) {
      self.events.append("active")
      // As HTTP/2 does with its preface.
      context.writeAndFlush(NIOAny(ByteBuffer(string: "preface")), promise: nil)
    }
    func channelInactive(context: ChannelHandlerContext) { self.events.append("inactive") }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { self.events.append("read") }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      self.events.append("error")
    }
  }

  private static let completed = TLSUserEvent.handshakeCompleted(negotiatedProtocol: "h2")

  private func connected(
    isExpected: Bool
  ) throws -> (channel: EmbeddedChannel, listener: Listener) {
    let listener = Listener()
    let channel = EmbeddedChannel(
      handlers: [ServerNameGate(isExpected: { _ in isExpected }), listener]
    )
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    return (channel, listener)
  }

  private func sent(_ channel: EmbeddedChannel) throws -> String? {
    try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) }
  }

  @Test("is kept secret, and nothing passes")
  func waiting() throws {
    let (channel, listener) = try self.connected(isExpected: true)
    #expect(listener.events == [])
    try channel.writeInbound(ByteBuffer(string: "settings"))
    #expect(throws: ChannelError.ioOnClosedChannel) {
      try channel.writeOutbound(ByteBuffer(string: "token"))
    }
    #expect(try self.sent(channel) == nil)
    // Other events are none.
    channel.pipeline.fireUserInboundEventTriggered(TLSUserEvent.shutdownCompleted)
    #expect(listener.events == [])
    _ = try channel.finish(acceptAlreadyClosed: true)
  }

  @Test("is opened as soon as it has")
  func opened() throws {
    let (channel, listener) = try self.connected(isExpected: true)
    channel.pipeline.fireUserInboundEventTriggered(Self.completed)
    #expect(listener.events == ["active"])
    #expect(try self.sent(channel) == "preface")
    try channel.writeInbound(ByteBuffer(string: "settings"))
    try channel.writeOutbound(ByteBuffer(string: "token"))
    #expect(try self.sent(channel) == "token")
    channel.pipeline.fireUserInboundEventTriggered(Self.completed)
    _ = try channel.finish()
    #expect(listener.events == ["active", "read", "inactive"])
  }

  @Test("is decided about once")
  func once() throws {
    var asked = 0
    let gate = ServerNameGate { _ in
      asked += 1
      return asked == 1
    }
    let channel = EmbeddedChannel(handler: gate)
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    for _ in 0 ..< 2 { channel.pipeline.fireUserInboundEventTriggered(Self.completed) }
    channel.embeddedEventLoop.run()
    #expect(channel.isActive)
    #expect(asked == 1)
    _ = try channel.finish()
  }

  @Test("is opened if it is there after the handshake only")
  func late() throws {
    let listener = Listener()
    let channel = EmbeddedChannel(handlers: [ServerNameGate(isExpected: { _ in true }), listener])
    channel.pipeline.fireUserInboundEventTriggered(Self.completed)
    #expect(listener.events == [])
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    #expect(listener.events == ["active"])
    _ = try channel.finish()
  }

  @Test("is closed if it does not, and still nothing passes")
  func refused() throws {
    let (channel, listener) = try self.connected(isExpected: false)
    channel.pipeline.fireUserInboundEventTriggered(Self.completed)
    // Before it is closed, the server may have sent something with its handshake.
    try channel.writeInbound(ByteBuffer(string: "settings"))
    #expect(throws: ChannelError.ioOnClosedChannel) {
      try channel.writeOutbound(ByteBuffer(string: "token"))
    }
    #expect(listener.events == [])
    #expect(channel.isActive)
    channel.embeddedEventLoop.run()
    #expect(!channel.isActive)
    #expect(listener.events == ["error", "active", "inactive"])
    #expect(try self.sent(channel) == nil)
  }

  @Test("ends as a connection does, if it ends before")
  func ended() throws {
    let (channel, listener) = try self.connected(isExpected: true)
    _ = try channel.finish()
    #expect(listener.events == ["active", "inactive"])
    #expect(try self.sent(channel) == nil)
  }
}
