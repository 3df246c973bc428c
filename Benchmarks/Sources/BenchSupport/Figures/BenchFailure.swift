// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation

/// Why nothing can be measured. A benchmark that goes on with a subject that does not do its work
/// would show a good figure.
package struct BenchFailure: Error, CustomStringConvertible {
  /// What is wrong.
  package let description: String

  package init(_ description: String) { self.description = description }

  /// How a process ends because of it (`EX_UNAVAILABLE` of sysexits.h).
  package static let exitCode: Int32 = 69

  /// Says so to whoever watches.
  package static func tell(_ error: any Error) {
    FileHandle.standardError.write(Data("error: \(error)\n".utf8))
  }
}
