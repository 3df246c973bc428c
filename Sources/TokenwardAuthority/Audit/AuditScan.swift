// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Reads the end of a file from a record that is known to be whole. How much is read depends on what
/// was written since, not on the length of the file.
struct AuditScan {
  /// The last sound record; nil if there is none.
  private(set) var position: ChainPosition?
  /// Where the line of that record ends.
  private(set) var end: Int64
  /// Whether the known record is there, or the first line of the file follows it.
  private(set) var isKnownFound = false
  /// What is wrong with the line behind ``end``, if it is a whole one.
  private(set) var fault: AuditLine.Fault?
  /// Whether what is behind ``end`` is what a stopped process or machine leaves: a line without its
  /// end, or pages that never were written (zeros).
  private(set) var isTorn = false
  private var first: AuditLinePlace?

  private static let firstWindow: Int64 = 65_536

  /// - Parameters:
  ///   - file: the file.
  ///   - size: its length.
  ///   - known: the record to go back to.
  init(
    _ file: AuditDescriptor,
    _ size: Int64,
    back known: ChainPosition,
    _ hash: ChainHash
  ) throws(AuditReadFault) {
    var window = Self.firstWindow
    while true {
      let start = max(0, size - window)
      self = try Self(file, from: start, known, hash)
      if start == 0 || self.isKnownFound { return }
      window *= 8
    }
  }

  private init(
    _ file: AuditDescriptor,
    from start: Int64,
    _ known: ChainPosition,
    _ hash: ChainHash
  ) throws(AuditReadFault) {
    var stream = AuditLineStream(file, from: start)
    // Almost always within a line, the rest of which is passed over.
    if start > 0 { try stream.skipLine() }
    self.end = stream.offset
    while let line = try stream.next() {
      switch line {
      case .tooLong: return
      case .torn(let bytes):
        self.isTorn = true
        self.findBeginning(bytes, known, isFirstOfFile: start == 0 && self.first == nil)
        return
      case .whole(let bytes):
        do throws(AuditLine.Fault) {
          let place = try AuditLine.check(bytes, after: self.position, hash)
          self.take(place, known, isFirstOfFile: start == 0 && self.first == nil)
          self.end = stream.offset
        } catch {
          self.fault = error
          // Pages that a crash of the machine left unwritten are zeros.
          self.isTorn = bytes.contains(0)
          self.findBeginning(bytes, known, isFirstOfFile: start == 0 && self.first == nil)
          return
        }
      }
    }
  }

  private mutating func take(
    _ place: AuditLinePlace,
    _ known: ChainPosition,
    isFirstOfFile: Bool
  ) {
    let position = ChainPosition(sequence: place.sequence, hash: place.hash)
    let before = ChainPosition(sequence: place.sequence - 1, hash: place.previous)
    if position == known || isFirstOfFile && place.action == .start && before == known {
      self.isKnownFound = true
    }
    if self.first == nil { self.first = place }
    self.position = position
  }

  /// A file whose very first record is torn follows the known one if as much of it as there is says
  /// so. Were that not asked, whoever cuts a file within its first line would have it begin anew.
  private mutating func findBeginning(
    _ bytes: [UInt8],
    _ known: ChainPosition,
    isFirstOfFile: Bool
  ) {
    guard isFirstOfFile, self.isTorn else { return }
    let prefix = AuditLine.prefix(after: known)
    let count = min(prefix.count, bytes.count)
    self.isKnownFound =
      bytes.prefix(count).elementsEqual(prefix.prefix(count)) || bytes.allSatisfy { $0 == 0 }
  }
}
