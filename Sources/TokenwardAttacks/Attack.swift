// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// One row of the attack table: a class of attack and the forms it is tried in.
///
/// A row is data and builders only. Who runs it decides where it goes: the guard in a unit test, a
/// server over a socket, or an address of somebody else's.
public struct Attack: Sendable {
  /// The row in the catalogue, such as `A01`.
  public let id: String
  /// What is attacked.
  public let name: String
  /// The RFC section, CVE or weakness behind it.
  public let reference: String
  /// The forms it is tried in.
  public let variants: [AttackVariant]

  init(_ id: String, _ name: String, _ reference: String, _ variants: [AttackVariant]) {
    self.id = id
    self.name = name
    self.reference = reference
    self.variants = variants
  }
}

/// One form of an attack, with the closest thing that must still work beside it.
public struct AttackVariant: Sendable {
  /// What is special about this form; unique within its row.
  public let name: String
  /// Who can run it, and how it is built.
  public let runner: AttackRunner

  init(_ name: String, _ runner: AttackRunner) {
    self.name = name
    self.runner = runner
  }
}

/// What kind of thing is attacked, and so who can run the variant.
public enum AttackRunner: Sendable {
  /// Calls, made one after the other against one guard that has seen nothing before.
  case calls(@Sendable (AttackBench) throws -> [AttackStep])
  /// A key set that is loaded.
  case keySet(@Sendable (AttackBench) throws -> KeySetAttack)
  /// A configuration that is checked when it is made.
  case configuration(ConfigurationAttack)
  /// HTTP/2 frames that no gRPC client sends.
  case frames(@Sendable (AttackBench) throws -> FrameAttack)
}

/// One thing to do in a sequence of calls.
public struct AttackStep: Sendable {
  /// Why this step is in the sequence.
  public enum Role: String, Sendable, Hashable {
    /// The attack.
    case attack
    /// The closest request that must be accepted.
    case twin
    /// What the attack needs to have happened.
    case preparation
  }

  /// What is done.
  public enum Action: Sendable {
    /// A call is made, and answered so.
    case send(AttackRequest, AttackExpectation)
    /// A token is withdrawn by its `jti`.
    case revoke(TokenID, of: Issuer)
  }

  /// Why this step is in the sequence.
  public let role: Role
  /// What is done.
  public let action: Action

  init(_ role: Role, _ action: Action) {
    self.role = role
    self.action = action
  }

  static func attack(_ request: AttackRequest, _ reason: DenialReason) -> AttackStep {
    AttackStep(.attack, .send(request, .deny(reason)))
  }

  static func twin(_ request: AttackRequest) -> AttackStep {
    AttackStep(.twin, .send(request, .allow))
  }
}

/// One call.
public struct AttackRequest: Sendable {
  /// Which client can send it.
  public enum Carriage: String, Sendable, Hashable {
    /// Any gRPC client.
    case client
    /// Only something that writes HTTP/2 header blocks itself.
    case rawHTTP2
    /// Nothing over a socket: it needs a clock that stands still, or a client certificate.
    case guardOnly
  }

  /// The `:path`.
  public var path: String
  /// The other headers, in order, names in the letter case to send.
  public var headers: [AttackHeader]
  /// The client certificate in DER form, as mutual TLS would have verified it.
  public var peerCertificate: [UInt8]?
  /// Which client can send it.
  public var carriage: Carriage

  /// - Parameters:
  ///   - path: the `:path`.
  ///   - headers: the other headers, in order.
  ///   - peerCertificate: the client certificate in DER form.
  ///   - carriage: which client can send it.
  public init(
    path: String,
    headers: [AttackHeader],
    peerCertificate: [UInt8]? = nil,
    carriage: Carriage = .client
  ) {
    self.path = path
    self.headers = headers
    self.peerCertificate = peerCertificate
    self.carriage = carriage
  }

  /// The request as a front door hands it to the guard.
  /// - Parameter door: the front door.
  public func accessRequest(door: Door = .grpc) -> AccessRequest {
    var request = AccessRequest(
      path: self.path,
      door: door,
      peerCertificate: self.peerCertificate.map(CertificateThumbprint.init(der:))
    )
    for header in self.headers { request.add(header: header.name, value: header.value) }
    return request
  }

  func carried(_ carriage: Carriage) -> AttackRequest {
    var request = self
    request.carriage = carriage
    return request
  }
}

/// One header of a request.
public struct AttackHeader: Sendable, Hashable {
  /// The name, in the letter case to send.
  public let name: String
  /// The value.
  public let value: String

  /// - Parameters:
  ///   - name: the name, in the letter case to send.
  ///   - value: the value.
  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// What must come of a call.
public enum AttackExpectation: Sendable, Hashable {
  /// It reaches its handler.
  case allow
  /// It is denied for exactly this reason.
  case deny(DenialReason)

  /// The gRPC status that the caller must see. Written down here a second time, so that a mistake in
  /// the core's own table does not go unnoticed.
  public var grpcStatus: Int {
    switch self {
    case .allow: 0
    case .deny(.requestMalformed): 3
    case .deny(.scopeInsufficient), .deny(.roleMissing), .deny(.methodUnlisted): 7
    case .deny(.rateLimited): 8
    case .deny(.internalInvariant): 13
    case .deny(.dependencyUnavailable), .deny(.clockUnavailable): 14
    case .deny: 16
    }
  }
}
