// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation
internal import Logging
internal import TokenwardCore
internal import TokenwardGRPCHTTP2
internal import TokenwardTestKit

/// A folder with the files of one end of a connection, gone when the test is over.
final class TLSFolder: Sendable {
  let path: String
  let log = LogLines()

  init() throws {
    self.path = FileManager.default.temporaryDirectory.path() + "tokenward-\(UUID())"
    try FileManager.default.createDirectory(
      atPath: self.path,
      withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o700]
    )
  }

  deinit { try? FileManager.default.removeItem(atPath: self.path) }

  var chain: String { "\(self.path)/tls.crt" }
  var key: String { "\(self.path)/tls.key" }
  var roots: String { "\(self.path)/ca.crt" }

  /// Writes a file as whoever renews certificates should: beside, and renamed.
  func write(_ text: String, to path: String, mode: Int = 0o600) throws {
    let new = path + ".new"
    _ = FileManager.default.createFile(atPath: new, contents: Data(text.utf8))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: new)
    guard rename(new, path) == 0 else { throw POSIXError(.EIO) }
  }

  func write(_ identity: Issued, followedBy others: [Issued] = []) throws {
    try self.write(
      try ([identity] + others).map { try $0.pem }.joined(separator: "\n"),
      to: self.chain
    )
    try self.write(identity.keyPEM, to: self.key)
  }

  func write(roots: [Issued]) throws {
    try self.write(try roots.map { try $0.pem }.joined(separator: "\n"), to: self.roots)
  }

  func settings(
    time: any TimeSource = ManualClock(),
    settling: Duration = .zero,
    pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) -> ReloadSettings {
    ReloadSettings(
      interval: .seconds(10),
      time: time,
      logger: self.log.logger,
      settling: settling,
      pause: pause
    )
  }

  func identity(time: any TimeSource = ManualClock()) throws -> ReloadingIdentity {
    try ReloadingIdentity(
      certificateChain: self.chain,
      privateKey: self.key,
      settings: self.settings(time: time)
    )
  }

  func trustRoots() throws -> ReloadingTrustRoots {
    try ReloadingTrustRoots(file: self.roots, settings: self.settings())
  }

  /// A folder with these files.
  static func with(_ identity: Issued? = nil, roots: [Issued] = []) throws -> TLSFolder {
    let folder = try TLSFolder()
    if let identity { try folder.write(identity) }
    if !roots.isEmpty { try folder.write(roots: roots) }
    return folder
  }
}

/// Remembers what was logged.
final class LogLines: Sendable {
  private let lines = Shared<[String]>([])

  var all: [String] { self.lines.value }
  var warnings: [String] { self.all.filter { $0.hasPrefix("warning") } }

  var logger: Logger {
    let lines = self.lines
    var logger = Logger(label: "test") { _ in Handler(lines: lines) }
    logger.logLevel = .trace
    return logger
  }

  private struct Handler: LogHandler {
    let lines: Shared<[String]>
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { self.metadata[key] }
      set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      self.lines.update {
        $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])")
      }
    }
  }
}
