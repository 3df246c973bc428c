// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Which front door a request came through. The raw value is a metric label.
public enum Door: String, Sendable, Hashable, CaseIterable {
  /// A grpc-swift server behind `GuardedServerTransport` or `GuardInterceptor`.
  case grpc
  /// The gateway.
  case gateway
  /// Envoy's external authorization.
  case extAuthz
  /// A command, such as `tokenward token verify`.
  case command
}

/// One call as a front door saw it: what the decision needs and nothing more.
///
/// A front door hands over every header in the order received; which of them matter, how often they
/// may appear and what they may look like is decided here, so that all doors agree.
public struct AccessRequest: Sendable {
  /// The `:path` as received.
  public package(set) var path: String
  /// The front door.
  public let door: Door
  /// The caller's address as the transport names it: for audit, for tokens that are limited to
  /// networks (``PeerAddress``), and to count guesses.
  public var peer: String?
  /// The verified client certificate, where mutual TLS is on.
  public var peerCertificate: CertificateThumbprint?
  /// What the door will run if the call is allowed, where something other than ``path`` chose it.
  public var route: Route?

  /// A method as a router names it. Its names and the path have to be the same bytes: routers that
  /// compare `String`s take U+212A for K (the class of CVE-2026-33186).
  public struct Route: Sendable, Hashable {
    /// `package.Service`.
    public let service: String
    /// `Method`.
    public let method: String

    /// - Parameters:
    ///   - service: the service with its package.
    ///   - method: the method within the service.
    public init(service: String, method: String) {
      self.service = service
      self.method = method
    }
  }

  package private(set) var authorization: Field = .absent
  package private(set) var timeout: Field = .absent
  package private(set) var hasBinaryAuthorization = false

  /// A header that may be given once.
  package enum Field: Sendable {
    case absent
    case value(String)
    case repeated
  }

  /// - Parameters:
  ///   - path: the `:path` pseudo-header, byte for byte: a leading slash, service, slash, method.
  ///   - door: the front door.
  ///   - peer: the caller's address as the transport names it.
  ///   - peerCertificate: the verified client certificate, where mutual TLS is on.
  public init(
    path: String,
    door: Door,
    peer: String? = nil,
    peerCertificate: CertificateThumbprint? = nil
  ) {
    self.path = path
    self.door = door
    self.peer = peer
    self.peerCertificate = peerCertificate
  }

  /// Takes note of one header. Names are compared without regard to ASCII letter case, values are
  /// taken as they are. A second `authorization` is remembered as a conflict even when it equals the
  /// first: proxies disagree about which of two counts (CVE-2020-25017).
  public mutating func add(header name: String, value: String) {
    switch name.utf8.count {
    case 13 where name.equalsASCIICaseInsensitively("authorization"):
      self.authorization.add(value)
    case 12 where name.equalsASCIICaseInsensitively("grpc-timeout"):
      self.timeout.add(value)
    case 17 where name.equalsASCIICaseInsensitively("authorization-bin"):
      self.hasBinaryAuthorization = true
    default:
      break
    }
  }
}

extension AccessRequest.Field {
  fileprivate mutating func add(_ value: String) {
    switch self {
    case .absent: self = .value(value)
    case .value, .repeated: self = .repeated
    }
  }
}

extension String {
  /// - Parameter other: in lower case.
  package func equalsASCIICaseInsensitively(_ other: StaticString) -> Bool {
    let bytes = self.utf8.span
    guard bytes.count == other.utf8CodeUnitCount else { return false }
    return other.withUTF8Buffer { expected in
      for index in bytes.indices {
        let byte = bytes[index]
        let lowered = (UInt8(ascii: "A") ... UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
        guard unsafe lowered == expected[index] else { return false }
      }
      return true
    }
  }
}
