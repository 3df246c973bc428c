// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Splits an endless input into lines and holds no more than one of them.
struct LineReader {
  enum Line: Equatable {
    /// The bytes without the line feed.
    case complete([UInt8])
    /// Longer than the bound; it was read to its end and forgotten.
    case tooLong
  }

  /// Longest line, in bytes.
  let maximumLength: Int
  private let read: () throws -> [UInt8]
  private var chunk: ArraySlice<UInt8> = []
  private var isAtEnd = false

  /// - Parameters:
  ///   - maximumLength: longest line, in bytes.
  ///   - read: the next bytes of the input; none at its end.
  init(maximumLength: Int, read: @escaping () throws -> [UInt8]) {
    self.maximumLength = maximumLength
    self.read = read
  }

  /// Reads standard input.
  init(standardInputUpTo maximumLength: Int) {
    self.init(maximumLength: maximumLength) { try FileReading.chunk(of: STDIN_FILENO) }
  }

  /// The next line; nil at the end. A last line without a line feed counts, the nothing after the
  /// last line feed does not.
  mutating func next() throws -> Line? {
    var line: [UInt8] = []
    var isTooLong = false
    var isStarted = false
    while true {
      if self.chunk.isEmpty, !self.isAtEnd {
        self.chunk = try self.read()[...]
        self.isAtEnd = self.chunk.isEmpty
      }
      if self.isAtEnd {
        guard isStarted else { return nil }
        return isTooLong ? .tooLong : .complete(line)
      }
      isStarted = true
      let end = self.chunk.firstIndex(of: UInt8(ascii: "\n"))
      let part = self.chunk[..<(end ?? self.chunk.endIndex)]
      if part.count > self.maximumLength - line.count {
        isTooLong = true
        line = []
      }
      if !isTooLong { line += part }
      self.chunk = self.chunk[(end.map { $0 + 1 } ?? self.chunk.endIndex)...]
      if end != nil { return isTooLong ? .tooLong : .complete(line) }
    }
  }
}
