// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Reads a file line by line, in memory that does not depend on the file.
struct AuditLineStream {
  enum Line: Sendable {
    case whole([UInt8])
    /// The end of a file that does not end with a line end.
    case torn([UInt8])
    /// More bytes than any record has, without a line end among them.
    case tooLong
  }

  private static let chunk = 65_536

  private let file: AuditDescriptor
  private var buffer: [UInt8] = []
  private var start = 0
  /// Where the next line begins in the file.
  private(set) var offset: Int64

  /// - Parameters:
  ///   - file: the file.
  ///   - offset: the beginning of a line.
  init(_ file: AuditDescriptor, from offset: Int64 = 0) {
    self.file = file
    self.offset = offset
  }

  /// The next line; nil at the end.
  mutating func next() throws(AuditReadFault) -> Line? {
    var searched = 0
    while true {
      let rest = self.buffer[self.start...]
      if let end = rest.dropFirst(searched).firstIndex(of: UInt8(ascii: "\n")) {
        let line = Array(self.buffer[self.start ..< end])
        self.offset += Int64(line.count) + 1
        self.start = end + 1
        return line.count > AuditLine.longest ? .tooLong : .whole(line)
      }
      searched = rest.count
      guard searched <= AuditLine.longest else { return .tooLong }
      let more = try self.file.read(at: self.offset + Int64(searched), count: Self.chunk)
      if more.isEmpty { return searched == 0 ? nil : .torn(Array(rest)) }
      self.buffer = Array(rest) + more
      self.start = 0
    }
  }

  /// Passes over the rest of the line at which the stream was put into the file.
  mutating func skipLine() throws(AuditReadFault) { _ = try self.next() }
}
