// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Asks before something that takes much away.
struct Confirmation: ParsableArguments {
  @Flag(name: [.customShort("y"), .long], help: "Do not ask.")
  var yes = false

  /// - Parameters:
  ///   - question: what is about to happen, as a question.
  ///   - isTerminal: whether somebody is there to answer.
  ///   - answer: reads one line.
  /// - Throws: ``CommandFailure`` if nobody says yes.
  func confirm(
    _ question: String,
    isTerminal: Bool = isatty(STDIN_FILENO) == 1 && Console.standardError.isTerminal,
    answer: (String) throws -> String? = Self.ask
  ) throws {
    guard !self.yes else { return }
    guard isTerminal else {
      throw CommandFailure(
        "nobody is there to be asked: \(question)",
        hint: "say --yes if that is meant",
        status: .usage
      )
    }
    let said = try answer("\(question) [y/N] ") ?? ""
    guard ["y", "Y", "yes", "Yes", "YES"].contains(where: { $0.utf8.elementsEqual(said.utf8) })
    else {
      throw CommandFailure("nothing was done")
    }
  }

  private static func ask(_ prompt: String) throws -> String? {
    try Console.standardError.write(prompt)
    var reader = LineReader(standardInputUpTo: 64)
    guard case .complete(let line)? = try reader.next() else { return nil }
    return String(decoding: line, as: UTF8.self)
  }
}
