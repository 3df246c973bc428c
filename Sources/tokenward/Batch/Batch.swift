// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Answers each line of its input with one line, in the same order, whatever the line is.
struct Batch {
  private let judge: (BatchRequest) -> BatchAnswer

  /// - Parameter judge: answers a well-formed line.
  init(_ judge: @escaping (BatchRequest) -> BatchAnswer) { self.judge = judge }

  /// Works through standard input. Each answer is written before the next line is read, so that a
  /// program can ask line by line.
  /// - Throws: ``CommandFailure`` or ``OutputClosed`` if input or output fail.
  func run() throws {
    var lines = LineReader(standardInputUpTo: BatchRequest.maximumLength)
    while let line = try lines.next() {
      try Console.standardOutput.write(self.answer(to: line))
    }
  }

  /// The answer to one line, with its line feed.
  func answer(to line: LineReader.Line) -> [UInt8] {
    switch line {
    case .tooLong:
      return BatchAnswer.refuse(.requestMalformed).line(id: Array("null".utf8))
    case .complete(let bytes):
      let request = BatchRequest(bytes)
      guard request.isWellFormed else {
        return BatchAnswer.refuse(.requestMalformed).line(id: request.id)
      }
      return self.judge(request).line(id: request.id)
    }
  }
}
