// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardCore

@Suite("The version of a file")
struct FileVersionTests {
  private func write(_ text: String, to path: String) {
    #expect(FileManager.default.createFile(atPath: path, contents: Data(text.utf8)))
  }

  private func date(_ path: String, _ seconds: Double) throws {
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: seconds)],
      ofItemAtPath: path
    )
  }

  @Test("is the same while nothing happens to the file, also through a link")
  func same() throws {
    let folder = try TemporaryFolder()
    let (path, link) = ("\(folder.path)/file", "\(folder.path)/link")
    #expect(FileVersion(path: path) == nil)
    self.write("content", to: path)
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
    let version = try #require(FileVersion(path: path))
    _ = try String(contentsOfFile: path, encoding: .utf8)
    #expect(FileVersion(path: path) == version)
    #expect(FileVersion(path: link) == version)
  }

  @Test("is another one after each change of content, rights or file")
  func different() throws {
    let folder = try TemporaryFolder()
    let (path, other) = ("\(folder.path)/file", "\(folder.path)/other")
    self.write("content", to: path)
    try self.date(path, 1_700_000_000)
    var seen = [try #require(FileVersion(path: path))]
    func expectAnother() throws {
      let version = try #require(FileVersion(path: path))
      #expect(!seen.contains(version))
      seen.append(version)
    }
    self.write("longer content", to: path)
    try self.date(path, 1_700_000_000)
    try expectAnother()
    try self.date(path, 1_700_000_001)
    try expectAnother()
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
    try expectAnother()
    self.write("longer content", to: other)
    try self.date(other, 1_700_000_001)
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: other)
    #expect(rename(other, path) == 0)
    try expectAnother()
  }

  @Test("is settled when the file has not been touched for as long as is asked for")
  func settled() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/file"
    self.write("content", to: path)
    let version = try #require(FileVersion(path: path))
    #expect(version.isSettled(for: .zero))
    #expect(!version.isSettled(for: .seconds(3_600)))
    // A date that was set back does not hide that the file was touched just now.
    try self.date(path, 1_700_000_000)
    #expect(try #require(FileVersion(path: path)).isSettled(for: .seconds(3_600)) == false)
    // Nor does a change hide that the date lies in the future.
    try self.date(path, 4_000_000_000)
    #expect(try #require(FileVersion(path: path)).isSettled(for: .zero) == false)
  }
}
