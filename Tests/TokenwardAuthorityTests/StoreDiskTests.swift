// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardSQLite
import TokenwardTestKit

#if canImport(Glibc)
import Glibc

/// A small file system in memory, mounted for one test. That takes root.
private final class SmallDisk: Sendable {
  let path: String

  init(kilobytes: Int) throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "tokenward-disk-\(UUID())")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
    self.path = url.path()
    guard mount("tokenward", self.path, "tmpfs", 0, "size=\(kilobytes)k,mode=700") == 0 else {
      throw CocoaError(.fileWriteNoPermission)
    }
  }

  func remount(readOnly: Bool) -> Bool {
    mount("tokenward", self.path, "tmpfs", UInt(MS_REMOUNT) | (readOnly ? UInt(MS_RDONLY) : 0), nil)
      == 0
  }

  deinit {
    _ = umount2(self.path, Int32(MNT_DETACH))
    try? FileManager.default.removeItem(atPath: self.path)
  }

  /// Whether this process may mount: root in a container often may not.
  static let isPossible = (try? SmallDisk(kilobytes: 64)) != nil
}

/// Disks that are full or cannot be written to.
@Suite(.enabled(if: SmallDisk.isPossible, "mounting a small disk takes root"))
struct StoreDiskTests {
  private static func isUnavailable(_ error: any Error) -> Bool {
    if case .unavailable(let text)? = error as? StoreError { text.contains("full") } else { false }
  }

  @Test("a full disk refuses transactions whole, and the store goes on when there is space")
  func fullDisk() async throws {
    let disk = try SmallDisk(kilobytes: 512)
    let path = disk.path + "/tokens.db"
    let ballast = disk.path + "/ballast"
    try Data(repeating: 1, count: 150_000).write(to: URL(filePath: ballast))
    var acknowledged: [StoreKey] = []
    do {
      let store = try SQLiteTokenStore(path: path)
      var failures = 0
      var number = 0
      while failures < 3, number < 200 {
        number += 1
        let records = (0 ..< 3).map {
          StoreRecord.token(SampleRecords.fullToken(TokenID("\(number)-\($0)"), text: "x"))
        }
        var transaction = StoreTransaction()
        transaction.written = records
        do {
          _ = try await store.commit(transaction)
          acknowledged += records.map(\.key)
        } catch {
          failures += 1
          #expect(Self.isUnavailable(error), "\(error)")
          #expect(try await store.read(records.map(\.key)).allSatisfy { $0 == nil })
        }
        #expect(try await store.read(acknowledged).allSatisfy { $0 != nil })
      }
      #expect(failures == 3)
      #expect(!acknowledged.isEmpty)
      try FileManager.default.removeItem(atPath: ballast)
      _ = try await store.commit(.token("after"))
      acknowledged.append(.token("after"))
    }
    let store = try SQLiteTokenStore(path: path)
    #expect(try await store.read(acknowledged).allSatisfy { $0 != nil })
    #expect(try await store.tokens(TokenQuery()).count == min(100, acknowledged.count))
  }

  @Test("a commit that is in the file and not in the epoch is acknowledged to nobody")
  func undurable() async throws {
    let disk = try SmallDisk(kilobytes: 512)
    let path = disk.path + "/tokens.db"
    let ballast = disk.path + "/ballast"
    let page = 4_096
    do {
      let store = try SQLiteTokenStore(path: path)
      _ = try await store.commit(.token("before"))
      // The epoch needs a page again, and there is none; the database gets one after the other.
      #expect(truncate(path + ".epoch", 0) == 0)
      #expect(FileManager.default.createFile(atPath: ballast, contents: nil))
      let file = try #require(FileHandle(forWritingAtPath: ballast))
      var size = 0
      while (try? file.write(contentsOf: Data(repeating: 1, count: page))) != nil { size += page }
      var found: StoreError?
      while found == nil, size >= page {
        do throws(StoreError) {
          _ = try await store.commit(.token("lost"))
          Issue.record("was acknowledged without an epoch")
          return
        } catch {
          if case .undurable = error { found = error }
        }
        size -= page
        try file.truncate(atOffset: UInt64(size))
      }
      #expect(found != nil)
      // It can be read, and nobody may take that for an answer; nothing is written any more.
      #expect(try await store.read([.token("lost")]).first??.record != nil)
      try FileManager.default.removeItem(atPath: ballast)
      do throws(StoreError) {
        _ = try await store.commit(.token("after"))
        Issue.record("was acknowledged after a write was lost")
      } catch {
        guard case .undurable = error else {
          Issue.record("\(error)")
          return
        }
      }
    }
    // Without a readable epoch a person has to say so.
    try SQLiteTokenStore.acceptRestored(path: path)
    let store = try SQLiteTokenStore(path: path)
    _ = try await store.commit(.token("after"))
    #expect(try await store.read([.token("before")]).first??.record != nil)
  }

  @Test("a file system that is read-only is refused at start, with a hint")
  func readOnly() async throws {
    let disk = try SmallDisk(kilobytes: 1_024)
    let path = disk.path + "/tokens.db"
    _ = try await SQLiteTokenStore(path: path).commit(.token("a"))
    #expect(disk.remount(readOnly: true))
    do throws(SQLiteStoreProblem) {
      _ = try SQLiteTokenStore(path: path)
      Issue.record("a read-only file system was accepted")
    } catch {
      #expect(error.kind == .unavailable)
      #expect(error.hint.contains("read-only"))
    }
    #expect(disk.remount(readOnly: false))
    #expect(try await SQLiteTokenStore(path: path).read([.token("a")]).first??.record != nil)
  }
}
#endif
