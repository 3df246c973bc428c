// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import SwiftProtobuf
internal import TokenwardAuthority
internal import TokenwardCore
internal import TokenwardProtos

extension Google_Protobuf_Timestamp {
  /// Times outside the calendar of the message are shown as its first or last moment.
  init(_ time: UnixTime) {
    let seconds = min(
      max(time.seconds, RequestFields.calendar.lowerBound),
      RequestFields.calendar.upperBound
    )
    self = .with {
      $0.seconds = seconds
      $0.nanos = seconds == time.seconds ? time.nanoseconds : 0
    }
  }
}

extension CertificateThumbprint {
  /// The form of `x5t#S256` (RFC 8705 §3.1).
  var base64URL: String { Base64URL.encode(self.bytes) }
}

extension Tokenward_Authority_V1_Token {
  init(_ status: TokenStatus) {
    let record = status.record
    self.init(record)
    self.state =
      switch status.state {
      case .active: .active
      case .notYetValid: .notYetValid
      case .expired: .expired
      case .revoked: .revoked
      case .ownerDisabled: .ownerDisabled
      }
  }

  /// Everything but the state. No digest is copied: there is no field for one.
  private init(_ record: TokenRecord) {
    self.init()
    self.id = record.id.text
    self.name = record.name
    self.tenant = record.tenant.text
    self.owner = record.owner.text
    self.roles = record.roles.map(\.text)
    self.scopes = record.scopes.map(\.text)
    self.audiences = record.audiences.map(\.text)
    self.createdAt = .init(record.createdAt)
    if let notBefore = record.notBefore { self.notBefore = .init(notBefore) }
    self.expiresAt = .init(record.expiresAt)
    self.networks = record.networks.map(\.description)
    self.certificateThumbprint = record.certificate?.base64URL ?? ""
    self.labels = record.labels
    self.createdBy = record.createdBy?.text ?? ""
    if let rotatedAt = record.rotatedAt { self.rotatedAt = .init(rotatedAt) }
    self.rotations = record.rotations
    if let previous = record.previous { self.previousSecretUntil = .init(previous.until) }
    if let lastUsedAt = record.lastUsedAt { self.lastUsedAt = .init(lastUsedAt) }
    if let revocation = record.revocation {
      self.revocation = .with {
        $0.at = .init(revocation.at)
        $0.reason = revocation.reason
        $0.by = revocation.by?.text ?? ""
      }
    }
  }

  /// A token that was just made or rotated. Whether it works yet depends on its first moment only:
  /// the authority has just judged the rest.
  init(issued record: TokenRecord) {
    self.init(record)
    let madeAt = record.rotatedAt ?? record.createdAt
    let isLater = record.notBefore.map { madeAt < $0 } ?? false
    self.state = isLater ? .notYetValid : .active
  }
}

extension Tokenward_Authority_V1_Owner {
  init(_ record: OwnerRecord) {
    self.init()
    self.tenant = record.tenant.text
    self.owner = record.owner.text
    self.disabled = record.isDisabled
    self.generation = record.generation
    if let issuedBefore = record.issuedBefore { self.issuedBefore = .init(issuedBefore) }
    self.reason = record.reason
    if record.changedAt.seconds > 0 { self.changedAt = .init(record.changedAt) }
  }
}

extension Tokenward_Authority_V1_Role {
  init(_ record: RoleRecord) {
    self.init()
    self.name = record.role.text
    self.description_p = record.description
    self.scopes = record.scopes.map(\.text)
    self.methods = record.methods
    self.changedAt = .init(record.changedAt)
  }
}

extension Tokenward_Authority_V1_SigningKey {
  init(_ record: SigningKeyRecord) {
    self.init()
    self.id = record.id.text
    self.algorithm =
      switch record.algorithm {
      case .es256: .es256
      case .eddsa, .ed25519: .eddsa
      default: .unspecified
      }
    self.state =
      switch record.state {
      case .next: .next
      case .active: .active
      case .retired: .retired
      }
    self.publicJwk = String(decoding: record.publicJWK, as: UTF8.self)
    self.createdAt = .init(record.createdAt)
    if let activatedAt = record.activatedAt { self.activatedAt = .init(activatedAt) }
    if let retiredAt = record.retiredAt { self.retiredAt = .init(retiredAt) }
    self.custody =
      switch record.material {
      case .sealed: .sealed
      case .transit: .transit
      }
  }
}

extension Tokenward_Authority_V1_SigningAlgorithm {
  /// The algorithm that is asked for; nil for the default.
  /// - Throws: ``AuthorityError/invalid(field:problem:)`` for one that this authority does not know.
  func asked() throws(AuthorityError) -> Algorithm? {
    switch self {
    case .unspecified: nil
    case .es256: .es256
    case .eddsa: .eddsa
    case .UNRECOGNIZED:
      throw .invalid(field: "algorithm", problem: "is none that this authority knows")
    }
  }
}
