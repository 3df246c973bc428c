// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation
internal import ServiceLifecycle
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPCHTTP2
internal import TokenwardTestKit

@Suite("Files that are read again")
struct TLSFileReloadTests {
  private static let now = ManualClock.defaultStart

  private func issue(_ root: Issued, until seconds: Int64) throws -> Issued {
    try root.issue { $0.to = Self.now.adding(seconds: seconds) }
  }

  @Test("replace the old pair when both are there, in whichever order they come")
  func halfWritten() throws {
    let root = try Issued.root()
    for isKeyFirst in [true, false] {
      let folder = try TLSFolder.with(try self.issue(root, until: 100))
      let clock = ManualClock()
      let identity = try folder.identity(time: clock)
      let new = try self.issue(root, until: 200)
      func write(key: Bool) throws {
        try folder.write(key ? new.keyPEM : new.pem, to: key ? folder.key : folder.chain)
      }
      clock.advance(by: 10)
      try write(key: isKeyFirst)
      identity.poll()
      #expect(identity.status.notAfter == Self.now.adding(seconds: 100))
      #expect(identity.status.problem?.problem.contains("is not the key") == true)
      #expect(identity.status.lastSuccess == Self.now)
      #expect(identity.status.reloads == 0)
      clock.advance(by: 10)
      try write(key: !isKeyFirst)
      identity.poll()
      #expect(identity.status.notAfter == Self.now.adding(seconds: 200))
      #expect(identity.status.problem == nil)
      #expect(identity.status.lastSuccess == Self.now.adding(seconds: 20))
      #expect(identity.status.reloads == 1)
    }
  }

  @Test("stay out if the new certificate has expired, and come in when a good one is there")
  func expired() throws {
    let root = try Issued.root()
    let folder = try TLSFolder.with(try self.issue(root, until: 100))
    let identity = try folder.identity()
    try folder.write(self.issue(root, until: -1))
    #expect(!identity.reload())
    #expect(identity.status.notAfter == Self.now.adding(seconds: 100))
    #expect(identity.status.problem?.problem.contains("has expired") == true)
    try folder.write(self.issue(root, until: 1))
    #expect(identity.reload())
    #expect(identity.status.notAfter == Self.now.adding(seconds: 1))
  }

  @Test("come in when they become valid, although they have not changed since they were refused")
  func notYetValid() throws {
    let root = try Issued.root()
    let folder = try TLSFolder.with(try self.issue(root, until: 100))
    let clock = ManualClock()
    let identity = try folder.identity(time: clock)
    try folder.write(
      root.issue {
        $0.from = Self.now.adding(seconds: 50)
        $0.to = Self.now.adding(seconds: 500)
      }
    )
    identity.poll()
    #expect(identity.status.notAfter == Self.now.adding(seconds: 100))
    clock.advance(by: 50)
    identity.poll()
    #expect(identity.status.notAfter == Self.now.adding(seconds: 500))
  }

  @Test("are read again after a problem that was not theirs")
  func clock() throws {
    let folder = try TLSFolder.with(try Issued.root().issue())
    let clock = ManualClock()
    let identity = try folder.identity(time: clock)
    clock.setFailed()
    identity.poll()
    #expect(identity.status.problem?.problem.contains("clock") == true)
    clock.setFailed(false)
    identity.poll()
    #expect(identity.status.problem == nil)
  }

  @Test("stay out while the rights of the key are too wide")
  func rights() throws {
    let root = try Issued.root()
    let folder = try TLSFolder.with(try self.issue(root, until: 100))
    let identity = try folder.identity()
    let new = try self.issue(root, until: 200)
    try folder.write(new.pem, to: folder.chain)
    try folder.write(new.keyPEM, to: folder.key, mode: 0o644)
    identity.poll()
    #expect(identity.status.notAfter == Self.now.adding(seconds: 100))
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder.key)
    identity.poll()
    #expect(identity.status.notAfter == Self.now.adding(seconds: 200))
  }

  @Test("are told of once for each problem, and once when they are in use")
  func log() throws {
    let root = try Issued.root()
    let folder = try TLSFolder.with(try self.issue(root, until: 100))
    let identity = try folder.identity()
    for _ in 0 ..< 3 {
      identity.poll()
      #expect(identity.reload())
    }
    #expect(folder.log.all == [])
    try FileManager.default.removeItem(atPath: folder.key)
    for _ in 0 ..< 3 { identity.poll() }
    #expect(folder.log.warnings.count == 1)
    try folder.write(root.issue().keyPEM, to: folder.key)
    for _ in 0 ..< 3 { identity.poll() }
    #expect(folder.log.warnings.count == 2)
    try folder.write(self.issue(root, until: 200))
    for _ in 0 ..< 3 { identity.poll() }
    #expect(folder.log.warnings.count == 2)
    #expect(folder.log.all.count == 3)
    #expect(folder.log.all.last?.contains(folder.chain) == true)
  }

  @Test("are noticed behind a link that is replaced, as mounts of secrets do it")
  func link() throws {
    let root = try Issued.root()
    let folder = try TLSFolder()
    let files = FileManager.default
    func version(_ name: String, until seconds: Int64) throws {
      let path = "\(folder.path)/\(name)"
      try files.createDirectory(atPath: path, withIntermediateDirectories: false)
      let own = try self.issue(root, until: seconds)
      try folder.write(own.pem, to: "\(path)/tls.crt")
      try folder.write(own.keyPEM, to: "\(path)/tls.key")
    }
    try version("one", until: 100)
    try version("two", until: 200)
    try files.createSymbolicLink(atPath: "\(folder.path)/data", withDestinationPath: "one")
    for name in ["tls.crt", "tls.key"] {
      try files.createSymbolicLink(
        atPath: "\(folder.path)/\(name)",
        withDestinationPath: "data/\(name)"
      )
    }
    let identity = try folder.identity()
    identity.poll()
    #expect(identity.status.notAfter == Self.now.adding(seconds: 100))
    try files.createSymbolicLink(atPath: "\(folder.path)/data.new", withDestinationPath: "two")
    #expect(rename("\(folder.path)/data.new", "\(folder.path)/data") == 0)
    identity.poll()
    #expect(identity.status.notAfter == Self.now.adding(seconds: 200))
    #expect(identity.status.problem == nil)
  }

  @Test("are not read again while they do not change, unless they were written a moment ago")
  func unchanged() throws {
    for (settling, isRead) in [(Duration.zero, false), (.seconds(3_600), true)] {
      let folder = try TLSFolder.with(try Issued.root().issue())
      let clock = ManualClock()
      let roots = try ReloadingIdentity(
        certificateChain: folder.chain,
        privateKey: folder.key,
        settings: folder.settings(time: clock, settling: settling)
      )
      // A file that is read would be refused by now; one that is only looked at is not.
      clock.set(unix: UnixTime(seconds: 2_300_000_000))
      roots.poll()
      #expect((roots.status.problem != nil) == isRead)
      #expect((roots.status.lastSuccess == Self.now) == isRead)
    }
  }

  @Test("are looked at after each interval until the service is told to end")
  func run() async throws {
    let root = try Issued.root()
    let folder = try TLSFolder.with(try self.issue(root, until: 100))
    let (ticks, tick) = AsyncStream.makeStream(of: Void.self)
    let (waits, wait) = AsyncStream.makeStream(of: Duration.self)
    let identity = try ReloadingIdentity(
      certificateChain: folder.chain,
      privateKey: folder.key,
      settings: folder.settings(pause: { duration in
        wait.yield(duration)
        for await _ in ticks { return }
        throw CancellationError()
      })
    )
    let running = Task { await identity.run() }
    var waited = waits.makeAsyncIterator()
    #expect(await waited.next() == .seconds(10))
    try folder.write(self.issue(root, until: 200))
    #expect(identity.status.notAfter == Self.now.adding(seconds: 100))
    tick.yield()
    #expect(await waited.next() == .seconds(10))
    #expect(identity.status.notAfter == Self.now.adding(seconds: 200))
    running.cancel()
    try await promptly { await running.value }
  }

  @Test("end with the service group that runs them")
  func shutdown() async throws {
    let folder = try TLSFolder.with(try Issued.root().issue(), roots: [try Issued.root()])
    let group = ServiceGroup(
      services: [try folder.identity(), try folder.trustRoots()],
      logger: folder.log.logger
    )
    let running = Task { try await group.run() }
    await group.triggerGracefulShutdown()
    // A service that returns before it is told to would be an error of the group.
    try await promptly { try await running.value }
  }

  @Test("of roots are all authorities, or the old ones stay")
  func roots() throws {
    let (old, new) = (try Issued.root("Old"), try Issued.root("New"))
    let folder = try TLSFolder.with(roots: [old])
    let roots = try folder.trustRoots()
    for bad in [
      "", try new.pem + String(old.pem.dropLast(40)), try new.pem + "\n" + new.issue().pem,
      try new.pem + "\n" + new.keyPEM,
    ] {
      try folder.write(bad, to: folder.roots)
      #expect(!roots.reload())
      #expect(roots.status.problem?.path == "tls.roots")
      #expect(throws: ConfigurationError.self) { try folder.trustRoots() }
    }
    #expect(roots.status.reloads == 0)
    try folder.write(roots: [new, old])
    #expect(roots.reload())
    #expect(roots.status.reloads == 1)
    #expect(roots.status.problem == nil)
  }
}
