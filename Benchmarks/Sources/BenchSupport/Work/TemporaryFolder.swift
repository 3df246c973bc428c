// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation

/// A folder for one measurement, closed to others.
package enum TemporaryFolder {
  /// - Parameters:
  ///   - parent: the folder on the disk that is measured.
  ///   - body: gets its path; it is removed afterwards.
  package static func use<Result>(
    in parent: String,
    _ body: (String) async throws -> Result
  ) async throws -> Result {
    let url = URL(filePath: parent).appending(path: "tokenward-bench-\(UUID())")
    try FileManager.default.createDirectory(
      at: url,
      withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o700]
    )
    defer { try? FileManager.default.removeItem(at: url) }
    return try await body(url.path())
  }
}
