// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation

/// Reads what the server's audit file says about the last call. The caller of an RPC is told one of
/// a few sentences; why really is in this file, on the server's side only.
struct AuditTail {
  private let path: String
  private var offset: UInt64 = 0

  /// Nil if there is no such file to be read, as on any machine but the server's.
  /// - Parameter path: the audit file.
  init?(path: String) {
    self.path = path
    guard let file = FileHandle(forReadingAtPath: path) else { return nil }
    self.offset = (try? file.seekToEnd()) ?? 0
    try? file.close()
  }

  private struct Record: Decodable {
    let outcome: String
    let reason: String?
    let method: String?

    /// Calls of the authority in the same process are decided and recorded, too.
    var isOfExample: Bool { self.method?.hasPrefix("tokenward.authority.") != true }
  }

  /// The outcome of the next decision: its reason if it was denied, otherwise `allowed`. Nil if none
  /// was written within two seconds; records are written in the background.
  mutating func next() async throws -> String? {
    for _ in 0 ..< 200 {
      while let line = self.readLine() {
        let record = try JSONDecoder().decode(Record.self, from: line)
        if record.isOfExample { return record.reason ?? record.outcome }
      }
      try await Task.sleep(for: .milliseconds(10))
    }
    return nil
  }

  private mutating func readLine() -> Data? {
    guard let file = FileHandle(forReadingAtPath: self.path) else { return nil }
    defer { try? file.close() }
    guard (try? file.seek(toOffset: self.offset)) != nil,
      let data = try? file.read(upToCount: 65_536),
      let end = data.firstIndex(of: UInt8(ascii: "\n"))
    else { return nil }
    let line = data[data.startIndex ..< end]
    self.offset += UInt64(line.count) + 1
    return line
  }
}
