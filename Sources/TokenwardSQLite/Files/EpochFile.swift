// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// What a database has to hold at least: kept beside it, so that an older copy that is put back is
/// noticed (catalogue O14).
struct Epoch: Sendable, Equatable {
  /// Which database: 32 hexadecimal digits, drawn when it was made.
  var identity: String
  /// The last commit that was acknowledged, or one before.
  var version: Int64
}

/// The file that keeps the epoch.
///
/// It is written after each commit of the database and before the commit is acknowledged. So it is
/// never ahead of the database, whenever the process or the machine stops; and the database is never
/// behind it unless something was put back or lost. There are two slots in places of their own, which
/// take turns: a write that is torn leaves the other one, and nothing behind that was acknowledged.
/// The size never changes, so that one `fdatasync` is all that a commit waits for.
struct EpochFile: ~Copyable {
  private let descriptor: Int32
  private let path: String
  private(set) var epoch: Epoch
  private var slot: Int

  private static let slotSize = 4_096
  private static let head = "tokenward-epoch 1"

  static func path(of database: String) -> String { database + ".epoch" }

  /// Opens the file of a database; there has to be one.
  init(database: String) throws(SQLiteStoreProblem) {
    let path = Self.path(of: database)
    let descriptor = try OwnerOnlyFile.open(path)
    var bytes = [UInt8](repeating: 0, count: 2 * Self.slotSize)
    let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
    let slots = [0, 1].map { slot -> Epoch? in
      guard count == bytes.count else { return nil }
      return Self.parse(bytes[slot * Self.slotSize ..< (slot + 1) * Self.slotSize])
    }
    guard let epoch = slots.compactMap({ $0 }).max(by: { $0.version < $1.version }),
      slots.allSatisfy({ $0 == nil || $0?.identity.utf8.elementsEqual(epoch.identity.utf8) == true }
      )
    else {
      _ = close(descriptor)
      throw SQLiteStoreProblem(
        .damaged,
        path,
        "cannot be read as what was written, so how old the database may be is unknown",
        hint:
          "check the disk; if the database is the newest there is: tokenward store accept-restored"
      )
    }
    self.descriptor = descriptor
    self.path = path
    self.epoch = epoch
    self.slot = slots[0] == epoch ? 0 : 1
  }

  /// Makes the file whole or not at all, in place of what was there.
  static func create(_ epoch: Epoch, database: String) throws(SQLiteStoreProblem) {
    let path = Self.path(of: database)
    let temporary = path + ".new"
    let descriptor = try OwnerOnlyFile.open(temporary)
    defer { _ = close(descriptor) }
    let bytes = Self.text(epoch) + Self.text(epoch)
    guard ftruncate(descriptor, 0) == 0, Self.write(bytes, descriptor, at: 0),
      fsync(descriptor) == 0, rename(temporary, path) == 0, OwnerOnlyFile.syncFolder(of: path)
    else {
      throw SQLiteStoreProblem(
        .unavailable,
        path,
        "cannot be written: \(OwnerOnlyFile.reason())",
        hint: "check the disk"
      )
    }
  }

  /// Writes down that a commit is in the database. When it returns true, that outlasts a crash.
  mutating func advance(to version: Int64) -> Bool {
    guard version > self.epoch.version else { return true }
    let next = Epoch(identity: self.epoch.identity, version: version)
    let slot = 1 - self.slot
    guard Self.write(Self.text(next), self.descriptor, at: slot * Self.slotSize),
      Self.sync(self.descriptor)
    else { return false }
    self.epoch = next
    self.slot = slot
    return true
  }

  deinit { _ = close(self.descriptor) }

  private static func sync(_ descriptor: Int32) -> Bool {
    #if canImport(Darwin)
    fcntl(descriptor, F_FULLFSYNC) == 0
    #else
    fdatasync(descriptor) == 0
    #endif
  }

  private static func write(_ bytes: [UInt8], _ descriptor: Int32, at offset: Int) -> Bool {
    bytes.withUnsafeBytes { bytes in
      pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset)) == bytes.count
    }
  }

  /// Lines that people can read, and spaces up to the size of a slot.
  private static func text(_ epoch: Epoch) -> [UInt8] {
    let body = "\(Self.head)\n\(epoch.identity)\n\(epoch.version)\n"
    var sum = RowChecksum()
    sum.combine(Array(body.utf8))
    var bytes = Array("\(body)\(sum.value)\n".utf8)
    bytes += [UInt8](repeating: UInt8(ascii: " "), count: max(0, Self.slotSize - bytes.count))
    return bytes
  }

  private static func parse(_ slot: ArraySlice<UInt8>) -> Epoch? {
    let lines = slot.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    guard lines.count == 5, let identity = String(validating: lines[1], as: UTF8.self),
      let text = String(validating: lines[2], as: UTF8.self), let version = Int64(text)
    else { return nil }
    let epoch = Epoch(identity: identity, version: version)
    // There is one form of each epoch, and this has to be it.
    return version >= 0 && Self.text(epoch).elementsEqual(slot) ? epoch : nil
  }
}
