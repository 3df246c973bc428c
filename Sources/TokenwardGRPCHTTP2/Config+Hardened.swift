// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
public import GRPCNIOTransportHTTP2

extension HTTP2ServerTransport.Posix.Config {
  /// Limits for a server that strangers can reach. See `Docs/transport-limits.md` for what cannot
  /// be limited here.
  ///
  /// | limit | value | why |
  /// |---|---|---|
  /// | streams of one connection | 100 | the transport's own default is no limit: one connection could open calls until memory ends; 100 is the least that RFC 9113 §6.5.2 recommends |
  /// | window | 65,535 bytes | what a client may send unread, for each stream and for the connection: bounds the memory of a slow handler |
  /// | frame | 16,384 bytes | the protocol's minimum; larger ones delay other streams |
  /// | message | 1 MiB | one message is in memory as a whole before it is decoded; 100 streams of 4 MiB (the transport's default) are 400 MiB for one connection |
  /// | idle connection | 5 minutes | a connection without calls holds a descriptor and TLS state; the default is for ever |
  /// | age of a connection | 1 hour | renewed certificates and changed addresses take hold; a client that holds streams open is moved on |
  /// | grace after that | 5 minutes | calls that were open may end by themselves; then they are cut |
  /// | keepalive | 1 minute, answered in 20 seconds | a peer that vanished holds its streams until then; the default is two hours |
  /// | pings of the client | not without calls, no more often than once a minute | each ping costs a wake-up and an answer |
  /// | compression | none | a small compressed message may be a large one |
  ///
  /// The size of headers is fixed by the transport at 16 KiB, which has room for a token of 8 KiB.
  public static var hardened: Self { Self.hardened() }

  /// The hardened limits with changes.
  /// - Parameter configure: changes the limits before they are used.
  public static func hardened(configure: (inout Self) -> Void = { _ in }) -> Self {
    var config = Self.defaults
    config.http2.maxConcurrentStreams = 100
    config.http2.targetWindowSize = 65_535
    config.http2.maxFrameSize = 16_384
    config.rpc.maxRequestPayloadSize = 1_048_576
    config.connection.maxIdleTime = .seconds(5 * 60)
    config.connection.maxAge = .seconds(60 * 60)
    config.connection.maxGraceTime = .seconds(5 * 60)
    config.connection.keepalive.time = .seconds(60)
    config.connection.keepalive.timeout = .seconds(20)
    config.connection.keepalive.clientBehavior.allowWithoutCalls = false
    config.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls = .seconds(60)
    config.compression.enabledAlgorithms = .none
    configure(&config)
    return config
  }
}
