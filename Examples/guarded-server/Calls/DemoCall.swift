// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// One row of the demonstration: what is called, with what, and what must come back.
struct DemoCall: Sendable {
  /// What the caller presents.
  enum Credential: Sendable {
    case none
    /// This token, good or not.
    case token(String)
    /// The token in this file, as a client in production would keep it.
    case file(String)
  }

  /// What is called.
  enum Target: Sendable {
    /// One order.
    case order
    /// A method of the service that needs a scope which good tokens of the demonstration lack.
    case adjustment
    /// A method that nobody has.
    case unknownMethod
    /// So many events of an order.
    case events(UInt32)
    /// Notes in both directions.
    case chat([String])
    /// Events without end, until the token expires at this moment, in seconds since 1970.
    case eventsUntilExpiry(Double)
  }

  /// What it is, for people.
  let name: String
  let credential: Credential
  let target: Target
  let expected: Answer
  /// What the audit record must say. The caller is never told.
  let expectedAudit: String
}

/// How a call ended.
struct Answer: Sendable, Hashable {
  /// The gRPC status, such as `UNAUTHENTICATED`.
  var status: String
  /// `google.rpc.ErrorInfo.reason`; nil where there is none.
  var reason: String?

  static let ok = Answer(status: "OK", reason: nil)
  static let missing = Answer(status: "UNAUTHENTICATED", reason: "CREDENTIALS_MISSING")
  static let invalid = Answer(status: "UNAUTHENTICATED", reason: "ACCESS_TOKEN_INVALID")
  static let expired = Answer(status: "UNAUTHENTICATED", reason: "ACCESS_TOKEN_EXPIRED")
  static let forbidden =
    Answer(status: "PERMISSION_DENIED", reason: "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
}

/// A row with what really came back.
struct DemoResult: Sendable {
  let call: DemoCall
  let received: Answer
  /// What the audit record says; nil where the audit file cannot be read from here.
  let audit: String?
  /// What else was found wrong, such as a stream that lived on.
  let complaint: String?
  let milliseconds: Int64

  var isAsExpected: Bool {
    self.received == self.call.expected && self.complaint == nil
      && (self.audit ?? self.call.expectedAudit) == self.call.expectedAudit
  }
}
