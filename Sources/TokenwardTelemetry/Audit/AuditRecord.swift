// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// What is written about one decision: names and outcomes, no token and no unverified claim.
///
/// Only the names are taken from a principal, so that a record in the queue does not keep all claims
/// of a token in memory.
package struct AuditRecord: Sendable {
  /// Longest value of one field, in bytes; what is longer is cut and says by how much.
  package static let longestValue = 256

  let time: UnixTime?
  let door: Door
  let method: RPCMethod?
  let isListed: Bool
  let reason: DenialReason?
  let issuer: Issuer?
  let subject: Subject?
  let tokenID: TokenID?
  let clientID: ClientID?
  let peer: String?

  init(_ record: DecisionRecord) {
    let principal = record.decision.grant?.principal ?? record.decision.denial?.principal
    self.time = record.moment?.unix
    self.door = record.door
    self.method = record.method
    self.isListed = record.isListed
    self.reason = record.decision.denial?.reason
    self.issuer = principal?.issuer ?? record.decision.denial?.issuer
    self.subject = principal?.subject
    self.tokenID = principal?.tokenID
    self.clientID = principal?.clientID
    self.peer = record.peer
  }

  /// Appends the record as one line of JSON: always the same members, in the same order.
  func append(to line: inout [UInt8]) {
    line += "{\"time\":".utf8
    if let time {
      line.append(UInt8(ascii: "\""))
      line += time.rfc3339.utf8
      line.append(UInt8(ascii: "\""))
    } else {
      line += "null".utf8
    }
    Self.append("door", self.door.rawValue, to: &line)
    Self.append("method", self.writtenMethod, to: &line)
    Self.append("outcome", self.reason == nil ? "allowed" : "denied", to: &line)
    Self.append("reason", self.reason?.rawValue, to: &line)
    Self.append("issuer", self.issuer?.text, to: &line)
    Self.append("subject", self.subject?.text, to: &line)
    Self.append("token_id", self.tokenID?.text, to: &line)
    Self.append("client_id", self.clientID?.text, to: &line)
    Self.append("peer", self.peer, to: &line)
    line += "}\n".utf8
  }

  /// A name that a rule names is no token.
  private var writtenMethod: String? {
    self.method.map { self.isListed ? $0.fullName : $0.description }
  }

  private static func append(_ name: StaticString, _ value: String?, to line: inout [UInt8]) {
    line += ",\"".utf8
    name.withUTF8Buffer { line += $0 }
    line += "\":".utf8
    if let value {
      JSONText.append(quoted: self.bounded(value), to: &line)
    } else {
      line += "null".utf8
    }
  }

  private static func bounded(_ value: String) -> String {
    let length = value.utf8.count
    guard length > Self.longestValue else { return value }
    var bounded = String.UnicodeScalarView()
    var kept = 0
    for scalar in value.unicodeScalars {
      guard kept + UTF8.width(scalar) <= Self.longestValue else { break }
      kept += UTF8.width(scalar)
      bounded.append(scalar)
    }
    // Two long names that begin alike are not taken for one.
    return String(bounded) + "…(+\(length - kept) bytes)"
  }
}

extension String.UTF8View {
  /// Whether the bytes of `other` occur. Callers pass short constants.
  fileprivate func contains(_ other: String.UTF8View) -> Bool {
    var rest = self[...]
    while rest.count >= other.count {
      if rest.starts(with: other) { return true }
      rest = rest.dropFirst()
    }
    return false
  }
}
