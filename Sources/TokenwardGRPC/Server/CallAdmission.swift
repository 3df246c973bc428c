// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import TokenwardCore

/// Translates one grpc-swift call for the guard and a grant back for the handler. It decides
/// nothing: the transport wrapper and the interceptor both end up in `RequestGuard.decide(_:)`.
struct CallAdmission: Sendable {
  let requestGuard: RequestGuard
  let peerCertificate: @Sendable (ServerContext) -> CertificateThumbprint?

  /// An admitted call.
  struct Admitted: Sendable {
    let grant: Grant
    /// The request's metadata without the credential.
    let metadata: Metadata
  }

  /// Decides about one call.
  func admit(
    _ descriptor: MethodDescriptor,
    _ metadata: Metadata,
    _ context: ServerContext
  ) -> Result<Admitted, Denial> {
    let routedName = descriptor.fullyQualifiedMethod
    var request = AccessRequest(
      path: Self.path(in: metadata) ?? "/\(routedName)",
      door: .grpc,
      peer: context.remotePeer,
      peerCertificate: self.peerCertificate(context)
    )
    request.routedMethod = routedName
    for (name, value) in metadata {
      switch value {
      case .string(let text):
        request.add(header: name, value: text)
      case .binary:
        // A credential in binary form is a second credential, whatever its name; a timeout in
        // binary form is no timeout. Neither is decoded.
        let isCredential = name.equalsASCIICaseInsensitively("authorization")
        request.add(header: isCredential ? "authorization-bin" : name, value: "")
      }
    }
    switch self.requestGuard.decide(request) {
    case .deny(let denial):
      return .failure(denial)
    case .allow(let grant):
      return .success(Admitted(grant: grant, metadata: Self.clean(metadata, for: request)))
    }
  }

  /// Denies a stream that has no metadata to decide about.
  func refuse(_ descriptor: MethodDescriptor, _ context: ServerContext) -> Denial {
    let request = AccessRequest(
      path: "/\(descriptor.fullyQualifiedMethod)",
      door: .grpc,
      peer: context.remotePeer
    )
    return self.requestGuard.deny(request, because: .internalInvariant)
  }

  /// The `:path` as it was received. The HTTP/2 transport passes pseudo-headers on with the other
  /// metadata but looks descriptors up by `String` equality, so the descriptor alone may already
  /// have been repaired. Nil where the transport has no paths.
  private static func path(in metadata: Metadata) -> String? {
    var path: String?
    for (name, value) in metadata where name.utf8.first == UInt8(ascii: ":") {
      guard name.hasSameBytes(as: ":path") else { continue }
      // Two paths are no path: the empty one names no method.
      guard path == nil, case .string(let text) = value else { return "" }
      path = text
    }
    return path
  }

  /// Takes the credential out, so that no handler, interceptor or log behind the guard can leak
  /// it, and writes the timeout in a form that the host library understands.
  private static func clean(_ metadata: Metadata, for request: AccessRequest) -> Metadata {
    var metadata = metadata
    metadata.removeAll { name, _ in
      name.equalsASCIICaseInsensitively("authorization")
        || name.equalsASCIICaseInsensitively("authorization-bin")
    }
    if case .value(let text) = request.timeout, let timeout = CallTimeout(text) {
      metadata.replaceOrAddString(timeout.canonicalValue, forKey: "grpc-timeout")
    }
    return metadata
  }
}

extension Grant {
  /// How long the permission lasted at the moment of the decision; nil for as long as it likes.
  var lifetime: Duration? {
    self.expiresAt.map { self.decidedAt.unix.duration(to: $0) }
  }
}
