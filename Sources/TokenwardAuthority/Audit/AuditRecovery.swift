// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import TokenwardCore

/// Finds where a chain ends in a file that a process before this one has written.
struct AuditRecovery {
  /// Where the chain stands.
  let position: ChainPosition
  /// How much of the file belongs to it.
  let length: Int64
  /// Set if something behind that has to be removed.
  let torn: Torn?

  /// What a process that was stopped has left behind.
  struct Torn {
    let bytes: Int64
    /// SHA-256 of them, so that a copy of the file can be compared.
    let digest: [UInt8]
  }

  /// The most that is removed, in bytes: more cannot have been on its way to the disk at once.
  private static let mostTorn: Int64 = 64 * 1_024 * 1_024

  /// - Parameters:
  ///   - file: the file; not empty.
  ///   - head: what stands in `NAME.head`.
  /// - Throws: what is wrong, and what to do about it.
  init(
    _ file: AuditDescriptor,
    _ path: String,
    head: AuditHead.Reading,
    _ hash: ChainHash
  ) throws(AuditTrailError) {
    let known: ChainPosition
    switch head {
    case .unusable: throw Self.unusableHead(path)
    case .position(let position): known = position
    // Then nothing can have been written after the record with which the first file begins.
    case .absent: known = .start
    }
    let size = try Self.reading(path) { () throws(AuditReadFault) in try file.size() }
    let scan = try Self.reading(path) { () throws(AuditReadFault) in
      try AuditScan(file, size, back: known, hash)
    }
    let isTooMuch = head == .absent && scan.position.map { $0.sequence > 1 } ?? false
    guard scan.isKnownFound, !isTooMuch else { throw Self.missing(path, known, scan, head) }
    self.position = scan.position ?? known
    self.length = scan.end
    guard scan.end < size else {
      self.torn = nil
      return
    }
    // A whole line that is wrong was not left by a process that was stopped.
    guard scan.isTorn, size - scan.end <= Self.mostTorn else {
      let problem = scan.fault?.problem ?? "is longer than any record"
      throw AuditTrailError(
        "the line at byte \(scan.end) of \(path) \(problem); look at it with tokenward audit verify, "
          + "keep the file and \(AuditHead.suffix), move both away and start again"
      )
    }
    self.torn = try Self.reading(path) { () throws(AuditReadFault) in
      try Self.torn(file, from: scan.end, size)
    }
  }

  static func unusableHead(_ path: String) -> AuditTrailError {
    AuditTrailError(
      "\(path)\(AuditHead.suffix) cannot be read or was written under another key; give the key, or "
        + "look at both files with tokenward audit verify, move them away and start again"
    )
  }

  private static func missing(
    _ path: String,
    _ known: ChainPosition,
    _ scan: AuditScan,
    _ head: AuditHead.Reading
  ) -> AuditTrailError {
    let advice =
      "look at it with tokenward audit verify, keep it and what is beside it, move both "
      + "away and start again"
    if head == .absent {
      return AuditTrailError(
        "\(path) has records and \(AuditHead.suffix) beside it is missing, so nobody can tell whether "
          + "its end is; \(advice)"
      )
    }
    let problem =
      scan.fault.map { "has a line that \($0.problem)" }
      ?? "does not contain record \(known.sequence), which \(AuditHead.suffix) beside it names: it "
      + "was cut or exchanged"
    return AuditTrailError("\(path) \(problem); \(advice)")
  }

  private static func torn(
    _ file: AuditDescriptor,
    from start: Int64,
    _ size: Int64
  ) throws(AuditReadFault) -> Torn {
    var digest = SHA256()
    var offset = start
    while offset < size {
      let bytes = try file.read(at: offset, count: Int(min(size - offset, 65_536)))
      if bytes.isEmpty { break }
      digest.update(data: bytes)
      offset += Int64(bytes.count)
    }
    return Torn(bytes: size - start, digest: Array(digest.finalize()))
  }

  private static func reading<Result>(
    _ path: String,
    _ body: () throws(AuditReadFault) -> Result
  ) throws(AuditTrailError) -> Result {
    do throws(AuditReadFault) {
      return try body()
    } catch {
      throw AuditTrailError("cannot read \(path): \(error.reason)")
    }
  }
}
