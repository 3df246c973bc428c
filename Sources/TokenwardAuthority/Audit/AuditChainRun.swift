// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// One check of a chain, file by file.
struct AuditChainRun {
  private let hash: ChainHash
  private let head: AuditHead.Reading
  private let expected: AuditChain.Position?
  /// Whether that record was there.
  private var isExpectedFound = false
  private var summary = AuditChain.Summary()
  private var position: ChainPosition?
  /// Whether the record that the head names was there.
  private var isHeadFound = false

  init(_ hash: ChainHash, head: AuditHead.Reading, expecting expected: AuditChain.Position?) {
    self.expected = expected
    self.hash = hash
    self.head = head
    self.summary.isKeyed = !hash.keys.isEmpty
  }

  mutating func verify(_ path: String) throws(AuditProblem) {
    let file: AuditDescriptor
    do throws(AuditReadFault) {
      file = try AuditDescriptor(reading: path)
    } catch {
      throw Self.unreadable(path, error)
    }
    var stream = AuditLineStream(file)
    var number: Int64 = 0
    while let line = try Self.nextLine(&stream, path) {
      number += 1
      switch line {
      case .whole(let bytes): try self.take(bytes, number, path)
      case .torn:
        throw AuditProblem(
          path,
          line: number,
          "ends within a line",
          hint:
            "the authority was stopped while it wrote, and removes that when it starts again, or "
            + "somebody cut the file"
        )
      case .tooLong:
        throw AuditProblem(
          path,
          line: number,
          "is longer than any record",
          hint: "something else was written into the file, or it is no audit file"
        )
      }
    }
    guard number > 0 else {
      throw AuditProblem(
        path,
        "is empty",
        hint: "an audit file has at least the record of its beginning: it was cut, or it is not one"
      )
    }
  }

  private mutating func take(
    _ line: [UInt8],
    _ number: Int64,
    _ path: String
  ) throws(AuditProblem) {
    let place: AuditLinePlace
    do throws(AuditLine.Fault) {
      place = try AuditLine.check(line, after: self.position, self.hash)
    } catch {
      throw AuditProblem(
        path,
        line: number,
        error.problem,
        hint: error.hint,
        kind: error.lacksEveryKey ? .unchecked : .notWhole
      )
    }
    // A chain that is longer by now is the same chain only if that record is in it: whoever makes a
    // new one makes it long enough.
    if let expected, expected.sequence == place.sequence {
      guard expected.hash.hasSameBytes(as: Base64URL.encode(place.hash)) else {
        throw AuditProblem(
          path,
          line: number,
          "has number \(place.sequence) and another hash than was expected",
          hint: "it is another chain, or the expected position is not of this one"
        )
      }
      self.isExpectedFound = true
    }
    if number == 1, place.action != .start {
      throw AuditProblem(
        path,
        line: number,
        "is not the beginning of an audit file",
        hint: "lines before it were cut off; compare with a copy that was kept elsewhere"
      )
    }
    if case .position(let head) = self.head {
      // The head of before a new file was begun names the last record of the file before it.
      let before = ChainPosition(sequence: place.sequence - 1, hash: place.previous)
      let here = ChainPosition(sequence: place.sequence, hash: place.hash)
      if here == head || before == head { self.isHeadFound = true }
    }
    if self.summary.records == 0 { self.summary.firstSequence = place.sequence }
    if place.action == .recovered { self.summary.recoveries += 1 }
    self.summary.records += 1
    self.position = ChainPosition(sequence: place.sequence, hash: place.hash)
  }

  /// What was found, after the last file.
  func summary(_ path: String) throws(AuditProblem) -> AuditChain.Summary {
    guard let position else { return self.summary }
    if let expected, !self.isExpectedFound {
      let isBefore = expected.sequence < self.summary.firstSequence
      throw AuditProblem(
        path,
        isBefore
          ? "and the files before it begin with record \(self.summary.firstSequence), behind the"
            + " expected \(expected.sequence)"
          : "ends with record \(position.sequence), before the expected \(expected.sequence)",
        hint: isBefore
          ? "name the older files, too: the one with that record has to be among them"
          : "records at its end are missing, or it is another chain"
      )
    }
    var summary = self.summary
    summary.lastSequence = position.sequence
    summary.lastHash = Base64URL.encode(position.hash)
    let name = path + AuditHead.suffix
    switch self.head {
    case .absent: summary.end = .unconfirmed
    case .unusable:
      throw AuditProblem(
        name,
        "cannot be read or was not written under a key that was given",
        hint: "without it nobody can tell whether lines at the end of the chain are missing"
      )
    case .position(let head):
      guard head.sequence <= position.sequence else {
        throw AuditProblem(
          path,
          "ends with record \(position.sequence), and \(name) says \(head.sequence)",
          hint: "lines at its end were cut off; compare with a copy that was kept elsewhere"
        )
      }
      guard self.isHeadFound else {
        throw AuditProblem(
          path,
          "does not contain the record that \(name) names",
          hint:
            "one of the two belongs to another chain; compare with a copy that was kept elsewhere"
        )
      }
      let ahead = position.sequence - head.sequence
      summary.end = ahead == 0 ? .confirmed : .ahead(by: ahead)
    }
    return summary
  }

  /// A line that has no end yet may be one that is just being written: that takes no time worth
  /// naming, so it is looked at again for a fifth of a second.
  private static func nextLine(
    _ stream: inout AuditLineStream,
    _ path: String
  ) throws(AuditProblem) -> AuditLineStream.Line? {
    do throws(AuditReadFault) {
      for _ in 0 ..< 20 {
        let line = try stream.next()
        guard case .torn = line else { return line }
        usleep(10_000)
      }
      return try stream.next()
    } catch {
      throw Self.unreadable(path, error)
    }
  }

  static func unreadable(_ path: String, _ fault: AuditReadFault) -> AuditProblem {
    AuditProblem(
      path,
      "cannot be read: \(fault.reason)",
      hint: "check its path and its rights",
      kind: .unchecked
    )
  }
}
