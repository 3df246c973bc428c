// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// One line of an audit file: a record and its place in the chain. Always the same members in the
/// same order, so that one record has one text.
///
/// ```json
/// {"seq":7,"prev":"…","key":1,"time":"2026-01-31T12:00:00.000Z","action":"token.create",
///  "outcome":"allowed","actor":"…","subject":"main/ci","tenant":"main","owner":"orders",
///  "token":"…","target":null,"reason":null,"peer":"…","details":{},"hash":"…"}
/// ```
enum AuditLine {
  /// The longest line, in bytes, without its end. Texts are bounded, so no record is longer.
  static let longest = 262_144

  /// What a line says.
  struct Content: Sendable {
    var time: UnixTime
    var action: String
    var outcome: String = AuditEvent.Outcome.allowed.rawValue
    /// Members between `outcome` and `details`, in their order.
    var members: [(name: StaticString, value: String?)] = []
    var details: [(name: String, value: String)] = []
  }

  /// Appends a record as one line.
  /// - Returns: the position of the chain after it; nil if `hash` has no current key for it.
  static func append(
    _ content: Content,
    after position: ChainPosition,
    _ hash: ChainHash,
    to lines: inout [UInt8]
  ) -> ChainPosition? {
    let (sequence, overflow) = position.sequence.addingReportingOverflow(1)
    guard !overflow else { return nil }
    let start = lines.count
    lines += Self.prefix(after: position)
    lines += (hash.current.map { "\($0.id)" } ?? "null").utf8
    lines += ",\"time\":\"".utf8
    lines += content.time.rfc3339.utf8
    lines += "\"".utf8
    Self.append("action", content.action, to: &lines)
    Self.append("outcome", content.outcome, to: &lines)
    for member in content.members { Self.append(member.name, member.value, to: &lines) }
    lines += ",\"details\":{".utf8
    for (index, detail) in content.details.enumerated() {
      if index > 0 { lines.append(UInt8(ascii: ",")) }
      JSONText.append(quoted: detail.name, to: &lines)
      lines.append(UInt8(ascii: ":"))
      JSONText.append(quoted: detail.value, to: &lines)
    }
    lines.append(UInt8(ascii: "}"))
    guard let code = Self.code(of: lines, from: start, after: position, hash) else { return nil }
    lines += ",\"hash\":\"".utf8
    lines += Base64URL.encode(code).utf8
    lines += "\"}\n".utf8
    return ChainPosition(sequence: sequence, hash: code)
  }

  /// How the line that follows a position begins.
  static func prefix(after position: ChainPosition) -> [UInt8] {
    let previous = Base64URL.encode(position.hash)
    return Array("{\"seq\":\(position.sequence &+ 1),\"prev\":\"\(previous)\",\"key\":".utf8)
  }

  private static func code(
    of lines: [UInt8],
    from start: Int,
    after position: ChainPosition,
    _ hash: ChainHash
  ) -> [UInt8]? {
    hash.hash(
      after: position.hash,
      of: lines.span.extracting(start ..< lines.count),
      key: hash.current?.id
    )
  }

  private static func append(_ name: StaticString, _ value: String?, to line: inout [UInt8]) {
    line += ",\"".utf8
    name.withUTF8Buffer { line += $0 }
    line += "\":".utf8
    if let value {
      JSONText.append(quoted: value, to: &line)
    } else {
      line += "null".utf8
    }
  }
}

extension AuditLine.Content {
  /// What is written of an event.
  init(_ event: AuditEvent) {
    self.init(time: event.at, action: event.action.rawValue, outcome: event.outcome.rawValue)
    self.members = [
      ("actor", event.actor.map { AuditText.name($0.text) }),
      ("subject", event.actorSubject.map { AuditText.name($0.text) }),
      ("tenant", event.tenant.map { AuditText.name($0.text) }),
      ("owner", event.owner.map { AuditText.name($0.text) }),
      ("token", event.token.map { AuditText.name($0.text) }),
      ("target", event.target.map { AuditText.name($0) }),
      ("reason", event.reason.map { AuditText.words($0) }),
      ("peer", event.peer.map { AuditText.words($0) }),
    ]
    self.details = Self.details(event.details)
  }

  /// What the trail says about itself.
  init(_ action: ChainAction, at time: UnixTime, details: [(name: String, value: String)]) {
    self.init(time: time, action: action.rawValue)
    self.members = Self.noMembers
    self.details = details
  }

  private static let noMembers: [(name: StaticString, value: String?)] = [
    ("actor", nil), ("subject", nil), ("tenant", nil), ("owner", nil), ("token", nil),
    ("target", nil), ("reason", nil), ("peer", nil),
  ]

  /// In the order of the names' bytes. Names that are withheld or cut could be the same, and a member
  /// that is there twice makes the line no JSON for strict readers: those are numbered.
  private static func details(_ all: [String: String]) -> [(name: String, value: String)] {
    guard !all.isEmpty else { return [] }
    let sorted = all.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    var details: [(name: String, value: String)] = []
    func add(_ name: String, _ value: String) {
      var name = name
      while details.contains(where: { $0.name.hasSameBytes(as: name) }) {
        name += "#\(details.count)"
      }
      details.append((name, value))
    }
    for (name, value) in sorted.prefix(AuditText.mostDetails) {
      add(AuditText.words(name), AuditText.detail(name, value))
    }
    let left = sorted.count - details.count
    if left > 0 { add("…", "\(left) more") }
    return details
  }
}

/// Records that the trail writes about itself.
enum ChainAction: String {
  /// The first record of a file.
  case start = "audit.start"
  /// A process before this one was stopped while it wrote; what it left was removed.
  case recovered = "audit.recovered"
}
