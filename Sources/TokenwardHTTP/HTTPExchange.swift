// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// One request. It may carry secrets in headers and body, never in its address.
package struct HTTPExchange: Sendable {
  package enum Method: Sendable { case get, post }

  package var method: Method
  package var url: RemoteURL
  package var headers: [(name: String, value: String)]
  package var body: [UInt8]
  /// When the last byte of the answer has to be there, if that is before the client's own limit: for
  /// requests of which several make one answer.
  package var deadline: ContinuousClock.Instant?

  package init(
    _ method: Method,
    _ url: RemoteURL,
    headers: [(name: String, value: String)] = [],
    body: [UInt8] = [],
    deadline: ContinuousClock.Instant? = nil
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
    self.deadline = deadline
  }
}

extension HTTPExchange: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "<request to \(self.url)>" }
  package var debugDescription: String { self.description }
  package var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// A whole answer, within the limits. Its body may be a secret.
package struct HTTPAnswer: Sendable {
  package let status: Int
  package let body: [UInt8]
  private let headers: [(name: String, value: String)]

  package init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// All values of a header, in their order.
  /// - Parameter name: in lower case.
  package func values(of name: StaticString) -> [String] {
    self.headers.filter { $0.name.equalsASCIICaseInsensitively(name) }.map(\.value)
  }

  /// The media type of the body without its parameters, in lower case; nil if the header is missing
  /// or there twice.
  package var mediaType: String? {
    let values = self.values(of: "content-type")
    guard values.count == 1, let value = values.first else { return nil }
    let type = value.utf8.prefix { $0 != UInt8(ascii: ";") }
      .filter { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
    return String(decoding: type.map { (65 ... 90).contains($0) ? $0 + 32 : $0 }, as: UTF8.self)
  }
}

extension HTTPAnswer: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "<answer \(self.status), \(self.body.count) bytes>" }
  package var debugDescription: String { self.description }
  package var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Why there is no answer. A closed list, because it becomes a metric label and what an operator
/// reads; nothing of it comes from the other side.
package enum HTTPFailure: String, Error, Sendable, Hashable, CaseIterable {
  /// No answer within the deadline, first byte to last.
  case deadlineExceeded = "deadline_exceeded"
  /// The name cannot be resolved, nobody listens, or the connection broke.
  case connectionFailed = "connection_failed"
  /// The certificate is not for this host, not valid now, or of no trusted authority; or the peer
  /// does not speak TLS 1.2 or later.
  case tlsFailed = "tls_failed"
  /// The body is longer than allowed.
  case tooLarge = "too_large"
  /// Not HTTP, a body in an encoding that was not asked for, or headers beyond the limits.
  case malformed = "malformed"
  /// The trust roots cannot be read.
  case rootsUnusable = "roots_unusable"
  /// The caller gave up.
  case cancelled = "cancelled"
}

/// Asks other servers. A protocol so that tests can answer instead of a network.
package protocol HTTPTransport: Sendable {
  /// Sends a request and waits for the whole answer. Redirects are answers: they are not followed.
  func exchange(_ exchange: HTTPExchange) async throws(HTTPFailure) -> HTTPAnswer
}
