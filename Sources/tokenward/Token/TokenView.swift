// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import SwiftProtobuf
internal import TokenwardCore
internal import TokenwardProtos

extension Google_Protobuf_Timestamp {
  init(_ time: UnixTime) {
    self.init(seconds: time.seconds, nanos: time.nanoseconds)
  }

  var unix: UnixTime { UnixTime(seconds: self.seconds, nanoseconds: self.nanos) }

  /// For people: RFC 3339, without the milliseconds.
  var shown: String {
    let text = self.unix.rfc3339
    return "\(text.prefix(19))Z"
  }
}

/// An API token of an authority, for people and for programs.
struct TokenView {
  let token: AuthorityAPI.Token

  /// The word for its state.
  var state: String {
    switch self.token.state {
    case .active: "active"
    case .notYetValid: "not_yet_valid"
    case .expired: "expired"
    case .revoked: "revoked"
    case .ownerDisabled: "owner_disabled"
    case .unspecified, .UNRECOGNIZED: "unknown"
    }
  }

  static let header = ["ID", "NAME", "OWNER", "STATE", "EXPIRES", "LAST USED"]

  /// One line of a list.
  var row: [String] {
    [
      self.token.id, self.token.name, "\(self.token.tenant)/\(self.token.owner)", self.state,
      self.token.expiresAt.shown, self.token.hasLastUsedAt ? self.token.lastUsedAt.shown : "never",
    ]
  }

  /// Everything that is worth a line.
  var facts: [(String, String)] {
    let token = self.token
    var facts = [
      ("id", token.id), ("name", token.name), ("subject", "\(token.tenant)/\(token.owner)"),
      ("state", self.state), ("audiences", token.audiences.joined(separator: " ")),
    ]
    func add(_ name: String, _ value: String) { if !value.isEmpty { facts.append((name, value)) } }
    add("roles", token.roles.joined(separator: " "))
    add("scopes", token.scopes.joined(separator: " "))
    add("networks", token.networks.joined(separator: " "))
    add("certificate", token.certificateThumbprint)
    add(
      "labels",
      token.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        .joined(separator: " ")
    )
    add("created", token.createdAt.shown)
    add("created by", token.createdBy)
    if token.hasNotBefore { add("not before", token.notBefore.shown) }
    add("expires", token.expiresAt.shown)
    if token.hasRotatedAt { add("rotated", "\(token.rotatedAt.shown), \(token.rotations) times") }
    if token.hasPreviousSecretUntil { add("old secret until", token.previousSecretUntil.shown) }
    add("last used", token.hasLastUsedAt ? token.lastUsedAt.shown : "never")
    if token.hasRevocation {
      add("revoked", token.revocation.at.shown)
      add("revoked by", token.revocation.by)
      add("reason", token.revocation.reason)
    }
    return facts
  }

  /// For programs. Times are Unix seconds; what there is none of is null.
  var object: JSONObjectText {
    let token = self.token
    var object = JSONObjectText()
    object.add("id", token.id)
    object.add("name", token.name)
    object.add("tenant", token.tenant)
    object.add("owner", token.owner)
    object.add("state", self.state)
    object.add("roles", token.roles)
    object.add("scopes", token.scopes)
    object.add("audiences", token.audiences)
    object.add("networks", token.networks)
    object.add("certificate_thumbprint", Self.orNull(token.certificateThumbprint))
    object.add("labels", token.labels)
    object.add("created_at", token.createdAt.seconds)
    object.add("created_by", Self.orNull(token.createdBy))
    object.add("not_before", token.hasNotBefore ? token.notBefore.seconds : nil)
    object.add("expires_at", token.expiresAt.seconds)
    object.add("rotated_at", token.hasRotatedAt ? token.rotatedAt.seconds : nil)
    object.add("rotations", token.rotations)
    object.add(
      "previous_secret_until",
      token.hasPreviousSecretUntil ? token.previousSecretUntil.seconds : nil
    )
    object.add("last_used_at", token.hasLastUsedAt ? token.lastUsedAt.seconds : nil)
    object.add("revocation", token.hasRevocation ? Self.object(token.revocation) : nil)
    return object
  }

  private static func object(
    _ revocation: Tokenward_Authority_V1_TokenRevocation
  ) -> JSONObjectText {
    var object = JSONObjectText()
    object.add("at", revocation.at.seconds)
    object.add("reason", revocation.reason)
    object.add("by", Self.orNull(revocation.by))
    return object
  }

  private static func orNull(_ text: String) -> String? { text.isEmpty ? nil : text }
}
