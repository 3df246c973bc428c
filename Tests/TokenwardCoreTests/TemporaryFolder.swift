// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation

/// A folder that is gone when the test is over.
struct TemporaryFolder: ~Copyable {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "tokenward-\(UUID())")
    try FileManager.default.createDirectory(
      at: url,
      withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o700]
    )
    self.path = url.path()
  }

  deinit { try? FileManager.default.removeItem(atPath: self.path) }
}
