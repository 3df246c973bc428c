// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

extension AuditChain {
  /// One line of a file, for people to read.
  public struct TailLine: Sendable, Hashable {
    /// The record as it stands in the file; if it is no record, the beginning of what stands there as
    /// a JSON string, so that nothing in it reaches a terminal.
    public let text: String
    /// Nil if it is a sound record that follows the one before it, as far as that is in the tail;
    /// else what is wrong with it.
    public let problem: String?
  }

  /// Most lines that ``tail(_:last:keys:)`` gives.
  public static let mostTailLines = 10_000

  /// The last records of a file.
  /// - Parameters:
  ///   - path: the file.
  ///   - count: how many, 1 to ``mostTailLines``.
  ///   - keys: the keys of the chain; without any, a chain with keys is shown and not checked.
  /// - Throws: ``AuditProblem`` if the file cannot be read. A bad line is no error here.
  public static func tail(
    _ path: String,
    last count: Int,
    keys: [Pepper] = []
  ) throws(AuditProblem) -> [TailLine] {
    let count = min(max(count, 1), Self.mostTailLines)
    do throws(AuditReadFault) {
      let file = try AuditDescriptor(reading: path)
      let size = try file.size()
      var window: Int64 = 65_536
      while true {
        let start = max(0, size - window)
        var stream = AuditLineStream(file, from: start)
        if start > 0 { try stream.skipLine() }
        let lines = try Self.lines(&stream, last: count)
        // No line is longer than this, so that the window is bounded by the count.
        if lines.count == count || start == 0 { return Self.tail(lines, ChainHash(keys: keys)) }
        window *= 8
      }
    } catch {
      throw AuditChainRun.unreadable(path, error)
    }
  }

  private static func lines(
    _ stream: inout AuditLineStream,
    last count: Int
  ) throws(AuditReadFault) -> [AuditLineStream.Line] {
    var lines: [AuditLineStream.Line] = []
    loop: while let line = try stream.next() {
      lines.append(line)
      if lines.count >= 2 * count { lines.removeFirst(lines.count - count) }
      switch line {
      case .whole: continue
      // The stream does not go on behind these.
      case .torn, .tooLong: break loop
      }
    }
    return lines.suffix(count)
  }

  private static func tail(_ lines: [AuditLineStream.Line], _ hash: ChainHash) -> [TailLine] {
    var position: ChainPosition?
    return lines.map { line in
      switch line {
      case .torn(let bytes): return TailLine(text: Self.quoted(bytes), problem: "has no end")
      case .tooLong: return TailLine(text: "\"\"", problem: "is longer than any record")
      case .whole(let bytes):
        guard let place = try? AuditLine.place(of: bytes), let text = Self.printable(bytes) else {
          position = nil
          return TailLine(text: Self.quoted(bytes), problem: "is no audit record")
        }
        defer { position = ChainPosition(sequence: place.sequence, hash: place.hash) }
        // Without its key nothing can be said about a line.
        if hash.keys.isEmpty, place.key != nil { return TailLine(text: text, problem: nil) }
        do throws(AuditLine.Fault) {
          _ = try AuditLine.check(bytes, after: position, hash)
          return TailLine(text: text, problem: nil)
        } catch {
          return TailLine(text: text, problem: error.problem)
        }
      }
    }
  }

  /// A line in which everything that a terminal might act upon is escaped, as the trail writes it.
  private static func printable(_ bytes: [UInt8]) -> String? {
    let text = String(decoding: bytes, as: UTF8.self)
    // The quotes and backslashes of JSON itself are escaped once more by this; nothing else may be.
    let changes = text.unicodeScalars.count { $0 == "\"" || $0 == "\\" }
    let quoted = JSONText.quoted(text)
    return quoted.utf8.count == bytes.count + changes + 2 ? text : nil
  }

  private static func quoted(_ bytes: [UInt8]) -> String {
    JSONText.quoted(String(decoding: bytes.prefix(256), as: UTF8.self))
  }
}
