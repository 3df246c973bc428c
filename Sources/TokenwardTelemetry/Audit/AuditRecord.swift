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

extension UnixTime {
  /// RFC 3339 in UTC with milliseconds, for the years 0 to 9999; later times are written as the last
  /// moment of 9999, earlier ones as the first of year 0.
  package var rfc3339: String {
    let seconds = min(max(self.seconds, -62_167_219_200), 253_402_300_799)
    let days = seconds / 86_400 - (seconds % 86_400 < 0 ? 1 : 0)
    let (year, month, day) = Self.date(daysSinceEpoch: days)
    let second = (seconds % 86_400 + 86_400) % 86_400
    return Self.digits(year, 4) + "-" + Self.digits(month, 2) + "-" + Self.digits(day, 2) + "T"
      + Self.digits(second / 3_600, 2) + ":" + Self.digits(second / 60 % 60, 2) + ":"
      + Self.digits(second % 60, 2) + "." + Self.digits(Int64(self.nanoseconds / 1_000_000), 3)
      + "Z"
  }

  /// The civil date of a day, by H. Hinnant's `civil_from_days`: eras of 400 years that begin in
  /// March, so that the leap day is the last one.
  private static func date(daysSinceEpoch days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, day)
  }

  private static func digits(_ value: Int64, _ count: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, count - digits.utf8.count)) + digits
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
