// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import NIOCore
internal import NIOHTTPTypes

/// Closes a connection whose request is not complete in time. The idle timeout of the server starts
/// again with every byte; a client that sends one byte every now and then would hold a connection, and
/// the memory behind it, for as long as it likes.
final class RequestDeadline: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart

  private let limit: TimeAmount
  private var isIncomplete = false
  private var deadline: Scheduled<Void>?

  init(_ limit: TimeAmount) { self.limit = limit }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch self.unwrapInboundIn(data) {
    case .head: self.isIncomplete = true
    case .body: break
    case .end:
      self.isIncomplete = false
      self.deadline?.cancel()
      self.deadline = nil
    }
    context.fireChannelRead(data)
  }

  // A request that came in one piece, as almost all do, costs no timer.
  func channelReadComplete(context: ChannelHandlerContext) {
    if self.isIncomplete, self.deadline == nil {
      let channel = context.channel
      self.deadline = context.eventLoop.scheduleTask(in: self.limit) { channel.close(promise: nil) }
    }
    context.fireChannelReadComplete()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.deadline?.cancel()
    self.deadline = nil
  }
}
