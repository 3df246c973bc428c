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

  /// Decides about one call, in one pass over its metadata: this runs for every call.
  func admit(
    _ descriptor: MethodDescriptor,
    _ metadata: Metadata,
    _ context: ServerContext
  ) -> Result<Admitted, Denial> {
    var request = AccessRequest(
      path: "",
      door: .grpc,
      peer: context.remotePeer,
      peerCertificate: self.peerCertificate(context)
    )
    request.route = AccessRequest.Route(
      service: descriptor.service.fullyQualifiedService,
      method: descriptor.method
    )
    // What the handler gets: without the credential, so that no handler, interceptor or log behind
    // the guard can leak it.
    var kept = Metadata()
    kept.reserveCapacity(metadata.count)
    var hasPath = false
    for (name, value) in metadata {
      var isCredential = false
      switch name.utf8.count {
      case 5 where name.hasSameBytes(as: ":path"):
        // The path as it was received. The transport passes pseudo-headers on with the other
        // metadata but looks descriptors up by `String` equality, so the descriptor alone may
        // already have been repaired. Two paths are no path: the empty one names no method.
        if case .string(let path) = value, !hasPath {
          request.path = path
        } else {
          request.path = ""
        }
        hasPath = true
      case 13: isCredential = name.equalsASCIICaseInsensitively("authorization")
      case 17: isCredential = name.equalsASCIICaseInsensitively("authorization-bin")
      default: break
      }
      switch value {
      case .string(let text):
        request.add(header: name, value: text)
      case .binary:
        // A credential in binary form is a second credential, whatever its name; a timeout in
        // binary form is no timeout. Neither is decoded.
        request.add(header: isCredential ? "authorization-bin" : name, value: "")
      }
      if isCredential { continue }
      switch value {
      case .string(let text): kept.addString(text, forKey: name)
      case .binary(let bytes): kept.addBinary(bytes, forKey: name)
      }
    }
    // Transports without paths route by the descriptor alone.
    if !hasPath { request.path = "/\(descriptor.fullyQualifiedMethod)" }
    switch self.requestGuard.decide(request) {
    case .deny(let denial):
      return .failure(denial)
    case .allow(let grant):
      // In a form that the host library understands.
      if case .value(let text) = request.timeout, let timeout = CallTimeout(text) {
        kept.replaceOrAddString(timeout.canonicalValue, forKey: "grpc-timeout")
      }
      return .success(Admitted(grant: grant, metadata: kept))
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
}

extension Grant {
  /// How long the permission lasted at the moment of the decision; nil for as long as it likes.
  var lifetime: Duration? {
    self.expiresAt.map { self.decidedAt.unix.duration(to: $0) }
  }
}
