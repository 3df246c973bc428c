// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Told about the calls that a front door has let in, unary ones too: when each begins and when it
/// ends. Called on the path of the call, so it must not block.
public protocol StreamObserver: Sendable {
  /// A call was let in.
  func streamOpened()
  /// It is over. Called exactly once for each call that was let in.
  func streamEnded(_ end: StreamEnd)
}

/// Why a call that was let in is over. The raw value is a metric label.
public enum StreamEnd: String, Sendable, Hashable, CaseIterable {
  /// The handler answered OK.
  case completed
  /// The client went away or cancelled.
  case cancelled
  /// The token expired while the stream was open.
  case tokenExpired
  /// The token was revoked while the stream was open.
  case tokenRevoked
  /// A change of policy took the right away.
  case policyChanged
  /// The handler answered with an error, or with nothing.
  case failed
}
