// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import TokenwardAuthority
internal import TokenwardCore
internal import TokenwardService

/// `tokenward audit`.
struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Look at the audit files of an authority.",
    discussion: """
      The files are read on this machine; nobody is asked.
      """,
    subcommands: [AuditVerify.self, AuditTail.self]
  )
}

/// `tokenward audit verify`.
struct AuditVerify: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check that no record is missing, changed or moved.",
    discussion: """
      Give every file, the oldest first, as log rotation has left them. A file that is being written
      can be checked. Keep the last number and hash somewhere else: only they show that lines at the
      end were cut off together with FILE.head, by putting an older copy of both back.

      An authority writes its chain under a key that is derived from its secrets, so that nobody else
      can make one that fits. With --config the key is read where the authority has it; the file is
      that of the configuration unless others are named.

      EXAMPLE:
        tokenward audit verify --config tokenward.yaml
        tokenward audit verify --config tokenward.yaml audit.jsonl.1 audit.jsonl

      EXIT STATUS:
        0 whole, 1 not whole, 2 could not be read or not be checked without its key, 64 wrong command
        line, 78 wrong configuration.
      """
  )

  @Argument(help: "The files, the oldest first.")
  var files: [String] = []

  @Option(
    help: ArgumentHelp("The configuration of the authority: where its key is.", valueName: "file")
  )
  var config: String?

  @Option(
    help: ArgumentHelp(
      "Fail unless a record with this number and this hash is in the files: what an earlier check has"
        + " printed.",
      valueName: "number:hash"
    )
  )
  var expect: AuditPosition?

  @Option(help: "How to print: text or json.")
  var output: OutputFormat = .text

  func validate() throws {
    guard !self.files.isEmpty || self.config != nil else {
      throw ValidationError("Name the files, or the configuration with --config.")
    }
  }

  func run() async throws {
    var files = self.files
    var keys: [Pepper] = []
    if let config {
      let configuration = try Configuration(contentsOf: config)
      do {
        keys = try await AuthorityAuditKeys.read(configuration)
      } catch let error as AuthorityStartError {
        throw CommandFailure(error.problem, hint: error.hint)
      }
      if files.isEmpty, let authority = configuration.authority { files = [authority.auditFile] }
    }
    let summary: AuditChain.Summary
    do throws(AuditProblem) {
      summary = try AuditChain.verify(files, keys: keys, expecting: self.expect?.position)
    } catch {
      let status: ExitStatus = error.kind == .unchecked ? .undecided : .denied
      try self.report(error, status)
      throw status
    }
    try Console.standardOutput.write(self.text(summary))
  }

  private func report(_ problem: AuditProblem, _ status: ExitStatus) throws {
    guard self.output == .json else {
      throw CommandFailure(
        TextTable.printable(
          "\(problem.file)\(problem.line.map { ", line \($0)," } ?? "") \(problem.problem)"
        ),
        hint: problem.hint,
        status: status
      )
    }
    var object = JSONObjectText()
    object.add("ok", false)
    object.add("file", problem.file)
    object.add("line", problem.line)
    object.add("problem", problem.problem)
    object.add("hint", problem.hint)
    try Console.standardOutput.write(object.text + "\n")
  }

  private func text(_ summary: AuditChain.Summary) -> String {
    let end =
      switch summary.end {
      case .confirmed: "confirmed"
      case .ahead(let by): "ahead of FILE.head by \(by)"
      case .unconfirmed: "not confirmed: there is no FILE.head"
      }
    switch self.output {
    case .json:
      var object = JSONObjectText()
      object.add("ok", true)
      object.add("records", summary.records)
      object.add("first_sequence", summary.firstSequence)
      object.add("last_sequence", summary.lastSequence)
      object.add("last_hash", summary.lastHash)
      object.add("keyed", summary.isKeyed)
      object.add("recoveries", summary.recoveries)
      object.add("end_confirmed", summary.end == .confirmed)
      return object.text + "\n"
    case .text:
      return TextTable.facts([
        ("whole", "\(summary.records) records"),
        ("first", "\(summary.firstSequence)"),
        ("last", "\(summary.lastSequence):\(summary.lastHash)"),
        ("end", end),
        ("key", summary.isKeyed ? "yes" : "none: whoever can write the file can make a new chain"),
        ("recoveries", "\(summary.recoveries)"),
      ])
    }
  }
}

/// A number and a hash, as `audit verify` prints them.
struct AuditPosition: ExpressibleByArgument, Equatable {
  let sequence: Int64
  let hash: String

  var position: AuditChain.Position {
    AuditChain.Position(sequence: self.sequence, hash: self.hash)
  }

  init?(argument: String) {
    let parts = argument.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0].count <= 18,
      parts[0].allSatisfy((UInt8(ascii: "0") ... UInt8(ascii: "9")).contains),
      let sequence = Int64(String(decoding: parts[0], as: UTF8.self)), parts[1].count == 43
    else { return nil }
    self.sequence = sequence
    self.hash = String(decoding: parts[1], as: UTF8.self)
  }
}

/// `tokenward audit tail`.
struct AuditTail: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tail",
    abstract: "Show the last records of an audit file.",
    discussion: """
      Each line is shown as it stands in the file. What is wrong with a line is said on standard
      error, and the command then ends with 1. Only lines that are shown are looked at:
      `audit verify` checks the whole file.

      EXAMPLE:
        tokenward audit tail authority/audit.jsonl --lines 20
      """
  )

  @Argument(help: "The file.")
  var file: String

  @Option(name: [.customShort("n"), .long], help: "How many records.")
  var lines = 10

  @OptionGroup var format: JSONOutput

  func validate() throws {
    guard (1 ... AuditChain.mostTailLines).contains(self.lines) else {
      throw ValidationError("--lines is 1 to \(AuditChain.mostTailLines).")
    }
  }

  func run() throws {
    let lines: [AuditChain.TailLine]
    do throws(AuditProblem) {
      lines = try AuditChain.tail(self.file, last: self.lines)
    } catch {
      throw CommandFailure(
        TextTable.printable("\(error.file) \(error.problem)"),
        hint: error.hint
      )
    }
    for line in lines {
      try Console.standardOutput.write(line.text + "\n")
      if let problem = line.problem { Console.complain("error: the line above \(problem)") }
    }
    guard lines.allSatisfy({ $0.problem == nil }) else { throw ExitStatus.denied }
  }
}
