// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// Checks audit files.
///
/// What a check proves depends on whether the chain has a key:
/// - **With a key**, every line was written by somebody who has it, in this order, and none is
///   missing between the first and the last: a line that was changed, removed, put in, repeated or
///   moved is found, and so is a file in the place of another.
/// - **Without a key**, the same mistakes and accidents are found, but not whoever computes all hashes
///   anew: anybody who can write to the file can do that.
///
/// The end is a matter of its own, because a shorter chain is a sound one. `NAME.head` says where it
/// is, so lines that were cut off are found, unless somebody put back an older file *and* the older
/// `NAME.head` of the same moment, or (without a key) wrote another one. Only a copy elsewhere of
/// ``Summary/lastSequence`` and ``Summary/lastHash`` tells that. Older files that are gone altogether
/// show in ``Summary/firstSequence``.
///
/// No check proves that the authority wrote down the truth, or that it wrote down everything.
public enum AuditChain {
  /// What was checked and found to be whole.
  public struct Summary: Sendable, Hashable {
    /// Records in all files.
    public internal(set) var records: Int64 = 0
    /// The number of the first record: 1 unless older files were not given.
    public internal(set) var firstSequence: Int64 = 0
    /// The number of the last record.
    public internal(set) var lastSequence: Int64 = 0
    /// The hash of the last record, as it stands in its line.
    public internal(set) var lastHash = ""
    /// Whether the records were written under a key.
    public internal(set) var isKeyed = false
    /// How often the authority was stopped while it wrote, and removed what it had begun.
    public internal(set) var recoveries: Int64 = 0
    /// What is known of the end.
    public internal(set) var end: End = .unconfirmed
  }

  /// A record of which somebody has kept number and hash, as an earlier check has found them.
  public struct Position: Sendable, Hashable {
    /// Its number.
    public let sequence: Int64
    /// Its hash as it stands in its line: ``Summary/lastHash``.
    public let hash: String

    /// - Parameters:
    ///   - sequence: its number.
    ///   - hash: its hash as it stands in its line.
    public init(sequence: Int64, hash: String) {
      self.sequence = sequence
      self.hash = hash
    }
  }

  /// What is known of the end of a chain.
  public enum End: Sendable, Hashable {
    /// `NAME.head` says that it ends here.
    case confirmed
    /// `NAME.head` is behind by so many records: they were written just now, or the machine has
    /// crashed since.
    case ahead(by: Int64)
    /// There is no `NAME.head`, as there is none for a file that was renamed: lines at the end may be
    /// missing.
    case unconfirmed
  }

  /// Checks one or more files that follow each other.
  ///
  /// Files are read once, from the beginning to the end, in bounded memory. A file that the authority
  /// is writing can be checked.
  /// - Parameters:
  ///   - paths: the files, the oldest first.
  ///   - keys: the keys of the chain; none for a chain without. With keys, a line without is refused.
  ///   - expected: a record that has to be there, with this hash, in one of the files; nil if nothing
  ///     is known from before.
  /// - Throws: ``AuditProblem``, the first one.
  public static func verify(
    _ paths: [String],
    keys: [Pepper] = [],
    expecting expected: Position? = nil
  ) throws(AuditProblem) -> Summary {
    guard let last = paths.last else {
      throw AuditProblem(
        "(none)",
        "no file was named",
        hint: "name the audit files",
        kind: .unchecked
      )
    }
    let hash = ChainHash(keys: keys)
    var run = AuditChainRun(hash, head: Self.head(of: last, hash), expecting: expected)
    for path in paths { try run.verify(path) }
    return try run.summary(last)
  }

  /// Read before the file, so that it is behind rather than ahead of a file that grows.
  private static func head(of path: String, _ hash: ChainHash) -> AuditHead.Reading {
    guard let file = try? AuditDescriptor(reading: path + AuditHead.suffix) else { return .absent }
    guard let bytes = try? file.read(at: 0, count: AuditHead.length + 1) else { return .unusable }
    return AuditHead.read(bytes, hash)
  }
}
