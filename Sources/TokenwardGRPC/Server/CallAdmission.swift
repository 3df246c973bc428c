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

  /// What is known of a call after the first look.
  enum Outcome: Sendable {
    case admitted(Admitted)
    case denied(Denial)
    /// The decision has to wait for somebody else; ``CallAdmission/finish(_:_:deadlines:)``.
    case pending(PendingDecision, Metadata)
  }

  /// Decides about one call, in one pass over its metadata: this runs for every call.
  func admit(
    _ descriptor: MethodDescriptor,
    _ metadata: Metadata,
    _ context: ServerContext
  ) -> Outcome {
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
    switch self.requestGuard.begin(request) {
    case .decided(.deny(let denial)):
      return .denied(denial)
    case .decided(.allow(let grant)):
      // In a form that the host library understands.
      if case .value(let text) = request.timeout, let timeout = CallTimeout(text) {
        kept.replaceOrAddString(timeout.canonicalValue, forKey: "grpc-timeout")
      }
      return .admitted(Admitted(grant: grant, metadata: kept))
    case .pending(let pending):
      return .pending(pending, kept)
    }
  }

  /// Waits for a decision, no longer than the call's own timeout and no longer than the caller does.
  func finish(
    _ pending: PendingDecision,
    _ metadata: Metadata,
    deadlines: DeadlineRegistry
  ) async -> Outcome {
    let waiting = WaitingCall()
    let registration = pending.timeout.map { deadlines.add(waiting, for: $0.duration) }
    defer { if let registration { deadlines.remove(registration) } }
    let requestGuard = self.requestGuard
    let decision = await waiting.run { await requestGuard.finish(pending) }
    guard case .allow(let grant) = decision else {
      return .denied(decision.denial ?? Denial(.internalInvariant))
    }
    var metadata = metadata
    // The handler gets what is left of the time, not all of it once more.
    if let timeout = pending.timeout, let waited = pending.waited(until: grant.decidedAt) {
      let rest = timeout.remaining(after: waited)
      metadata.replaceOrAddString(rest.canonicalValue, forKey: "grpc-timeout")
    }
    return .admitted(Admitted(grant: grant, metadata: metadata))
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
