// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Synchronization
import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

@Suite("Rotation of signing keys")
struct KeysRotationTests {
  let clock = ManualClock()
  let store = KeysFaultyStore()

  private static func schedule() throws -> KeySchedule {
    try KeySchedule(
      rotationSeconds: 7_200,
      publishAheadSeconds: 600,
      longestTokenSeconds: 600,
      marginSeconds: 120
    )
  }

  private func keyring() async throws -> FaultyKeyring {
    FaultyKeyring(LocalSigningKeyring(secrets: try await freshSecrets().0))
  }

  private func keys(
    _ keyring: any SigningKeyring,
    _ algorithms: [Algorithm] = [.es256],
    report: @escaping @Sendable (String) -> Void = { _ in }
  ) throws -> SigningKeys {
    try SigningKeys(
      store: self.store,
      keyring: keyring,
      schedule: try Self.schedule(),
      algorithms: algorithms,
      time: self.clock,
      report: report
    )
  }

  private func started(
    _ keyring: any SigningKeyring,
    _ algorithms: [Algorithm] = [.es256]
  ) async throws -> SigningKeys {
    let keys = try self.keys(keyring, algorithms)
    try await keys.start(loaded: try await self.store.records())
    return keys
  }

  private func states(_ keys: SigningKeys, _ algorithm: Algorithm = .es256) -> [String] {
    keys.published.filter { $0.algorithm == algorithm }.map(\.state.rawValue)
  }

  private func sign(_ keys: SigningKeys, lifetime: Int64 = 600) async throws -> [UInt8] {
    try await keys.sign(
      KeysAccessTokenTests.claims(at: self.clock.moment.unix, lifetime: lifetime)
    )
  }

  /// Whether the signature is good under a published set, whatever the dates are.
  private func verifies(_ token: [UInt8], _ published: [UInt8]) throws -> Bool {
    let set = try KeySet(jwks: published, trust: .publicKeys)
    do throws(JWSProblem) {
      _ = try CompactJWS(parsing: token).verify(keys: set, allowed: [.es256, .eddsa])
      return true
    } catch {
      return false
    }
  }

  @Test("The first key signs at once, the next one waits")
  func firstStart() async throws {
    let keys = try self.keys(try await self.keyring(), [.es256, .eddsa])
    let changes = try await keys.start(loaded: [])
    #expect(changes.map(\.kind) == [.made, .made, .made, .made])
    #expect(
      self.states(keys) == ["active", "next"] && self.states(keys, .eddsa) == ["active", "next"]
    )
    #expect(try self.verifies(try await self.sign(keys), keys.publicKeys()))
    #expect(try await keys.advance(at: self.clock.moment).isEmpty)
    #expect(try KeySet(jwks: keys.publicKeys(), trust: .publicKeys).keyCount == 4)
  }

  @Test("A restart goes on with the keys that are there")
  func restart() async throws {
    let keyring = try await self.keyring()
    let first = try await self.started(keyring)
    let token = try await self.sign(first)
    let second = try self.keys(keyring)
    #expect(try await second.start(loaded: try await self.store.records()).isEmpty)
    #expect(second.published == first.published && second.publicKeys() == first.publicKeys())
    #expect(try self.verifies(token, second.publicKeys()))
  }

  @Test("Nothing is signed, advanced or rotated before the start")
  func notStarted() async throws {
    let keys = try self.keys(try await self.keyring())
    await #expect(throws: AuthorityError.unavailable(.secrets)) { try await self.sign(keys) }
    await #expect(throws: AuthorityError.unavailable(.store)) {
      try await keys.advance(at: self.clock.moment)
    }
    await #expect(throws: AuthorityError.unavailable(.store)) {
      try await keys.rotate(algorithm: nil, isForced: true, at: self.clock.moment)
    }
    #expect(self.store.commits == 0)
  }

  @Test("next, active, retired, removed: each at its second")
  func life() async throws {
    let keys = try await self.started(try await self.keyring())
    let (first, second) = (keys.published[0].id, keys.published[1].id)
    self.clock.advance(by: 7_199)
    #expect(try await keys.advance(at: self.clock.moment).isEmpty)
    let token = try await self.sign(keys)
    self.clock.advance(by: 1)
    let changes = try await keys.advance(at: self.clock.moment)
    #expect(changes.map(\.kind) == [.activated, .retired, .made])
    #expect(changes.map(\.key.id).prefix(2) == [second, first])
    #expect(self.states(keys) == ["active", "next", "retired"])
    #expect(
      keys.published[0].id == second && keys.published[0].activatedAt == self.clock.moment.unix
    )
    #expect(keys.published[2].retiredAt == self.clock.moment.unix)
    self.clock.advance(by: 719)
    #expect(try await keys.advance(at: self.clock.moment).isEmpty)
    #expect(try self.verifies(token, keys.publicKeys()))
    self.clock.advance(by: 1)
    let ended = try await keys.advance(at: self.clock.moment)
    #expect(ended.map(\.kind) == [.removed] && ended[0].key.id == first)
    #expect(try !self.verifies(token, keys.publicKeys()))
    #expect(try await self.store.records().count == 2)
  }

  @Test("A key that is not published for long enough is not rotated in, unless forced")
  func publishAhead() async throws {
    let keys = try await self.started(try await self.keyring())
    self.clock.advance(by: 599)
    do {
      try await keys.rotate(algorithm: nil, isForced: false, at: self.clock.moment)
      Issue.record("rotated")
    } catch {
      guard case .failedPrecondition = error else { throw error }
    }
    self.clock.advance(by: 1)
    let changed = try await keys.rotate(algorithm: .es256, isForced: false, at: self.clock.moment)
    #expect(changed.map(\.state) == [.active, .retired, .next])
    let old = keys.published[0].id
    let forced = try await keys.rotate(algorithm: nil, isForced: true, at: self.clock.moment)
    #expect(forced.map(\.state) == [.active, .retired, .next] && keys.published[0].id != old)
    #expect(self.states(keys) == ["active", "next", "retired", "retired"])
    await #expect(throws: AuthorityError.invalid(field: "algorithm", problem: "is not offered")) {
      try await keys.rotate(algorithm: .eddsa, isForced: true, at: self.clock.moment)
    }
  }

  @Test("However often somebody forces it, never more keys are published than verifiers take")
  func tooMany() async throws {
    let keys = try await self.started(try await self.keyring())
    for _ in 0 ..< 30 {
      try await keys.rotate(algorithm: nil, isForced: true, at: self.clock.moment)
    }
    #expect(keys.published.count == SigningKeys.mostKeys)
    do {
      try await keys.rotate(algorithm: nil, isForced: true, at: self.clock.moment)
      Issue.record("rotated")
    } catch {
      guard case .failedPrecondition = error else { throw error }
    }
    #expect(try self.verifies(try await self.sign(keys), keys.publicKeys()))
    self.clock.advance(by: 720)
    #expect(try await keys.advance(at: self.clock.moment).count == 30)
    try await keys.rotate(algorithm: nil, isForced: true, at: self.clock.moment)
  }

  @Test(
    "An algorithm that is offered anew is published before it signs, and one that is no longer ends"
  )
  func algorithms() async throws {
    let keyring = try await self.keyring()
    _ = try await self.started(keyring)
    let both = try await self.started(keyring, [.eddsa, .es256])
    #expect(self.states(both, .eddsa) == ["next"])
    let claims = KeysAccessTokenTests.claims(at: self.clock.moment.unix)
    do {
      _ = try await both.sign(claims, algorithm: .eddsa)
      Issue.record("signed")
    } catch {
      guard case .failedPrecondition = error else { throw error }
    }
    #expect(try self.verifies(try await both.sign(claims), both.publicKeys()))
    self.clock.advance(by: 600)
    #expect(try await both.advance(at: self.clock.moment).map(\.kind) == [.activated, .made])
    _ = try await both.sign(claims, algorithm: .eddsa)

    let one = try await self.started(keyring, [.eddsa])
    #expect(self.states(one) == ["retired"] && self.states(one, .eddsa) == ["active", "next"])
    await #expect(throws: AuthorityError.invalid(field: "algorithm", problem: "is not offered")) {
      try await one.sign(claims, algorithm: .es256)
    }
  }

  @Test("A sealed vault stops signing and changes nothing; the next call tries again")
  func sealed() async throws {
    let keyring = try await self.keyring()
    _ = try await self.started(keyring)
    let reports = Mutex<[String]>([])
    keyring.setSealed(true)
    let keys = try SigningKeys(
      store: self.store,
      keyring: keyring,
      schedule: try Self.schedule(),
      algorithms: [.es256],
      time: self.clock
    ) { text in reports.withLock { $0.append(text) } }
    try await keys.start(loaded: try await self.store.records())
    await #expect(throws: AuthorityError.unavailable(.secrets)) { try await self.sign(keys) }
    self.clock.advance(by: 7_200)
    let before = keys.published
    await #expect(throws: AuthorityError.unavailable(.secrets)) {
      try await keys.advance(at: self.clock.moment)
    }
    #expect(keys.published == before && reports.withLock { $0 } == ["sealed", "sealed"])
    keyring.setSealed(false)
    #expect(try self.verifies(try await self.sign(keys), keys.publicKeys()))
    #expect(try await keys.advance(at: self.clock.moment).count == 3)
  }

  @Test("A signer of another key signs nothing")
  func otherSigner() async throws {
    let keyring = try await self.keyring()
    let first = try await self.started(keyring)
    let other = try await keyring.makeKey(.es256, at: self.clock.moment.unix)
    let keys = try await self.started(keyring)
    keyring.answerWithSigner(of: other)
    await #expect(throws: AuthorityError.unavailable(.secrets)) { try await self.sign(keys) }
    self.clock.advance(by: 7_200)
    await #expect(throws: AuthorityError.unavailable(.secrets)) {
      try await keys.advance(at: self.clock.moment)
    }
    #expect(self.states(keys) == ["active", "next"] && keys.published == first.published)
    keyring.answerWithSigner(of: nil)
    _ = try await self.sign(keys)
  }

  @Test("A record that is not what was written stops the start")
  func brokenRecords() async throws {
    let keyring = try await self.keyring()
    let good = try await self.started(keyring).published
    func starts(_ change: (inout SigningKeyRecord) -> Void) async throws -> Bool {
      var record = good[0]
      change(&record)
      let records = [record, good[1]].map {
        StoredRecord(.signingKey($0), version: StoreVersion(1))
      }
      let keys = try self.keys(keyring)
      do throws(AuthorityError) {
        try await keys.start(loaded: records)
        return true
      } catch {
        return false
      }
    }
    #expect(try await starts { _ in })
    #expect(try await !starts { $0.id = good[1].id })
    #expect(try await !starts { $0.algorithm = .eddsa })
    #expect(try await !starts { $0.publicJWK = [] })
    #expect(try await !starts { $0.publicJWK = good[1].publicJWK })
    // Somebody put the private key into the public one.
    let text = String(decoding: good[0].publicJWK, as: UTF8.self)
    #expect(
      try await !starts {
        $0.publicJWK = Array(text.replacing("\"kty\"", with: "\"d\":\"AA\",\"kty\"").utf8)
      }
    )
  }

  @Test("Another process that rotates is noticed, and both agree")
  func otherProcess() async throws {
    let keyring = try await self.keyring()
    let one = try await self.started(keyring)
    let two = try await self.started(keyring)
    self.clock.advance(by: 7_200)
    #expect(try await one.advance(at: self.clock.moment).count == 3)
    let token = try await self.sign(two)
    #expect(try self.verifies(token, one.publicKeys()))
    #expect(try await two.advance(at: self.clock.moment).isEmpty)
    #expect(two.published == one.published)
    // One that is quicker between reading and writing.
    self.clock.advance(by: 7_200)
    self.store.failNext(.conflict)
    #expect(try await two.advance(at: self.clock.moment).count == 4)
    #expect(try await one.advance(at: self.clock.moment).isEmpty)
    #expect(one.published == two.published)
  }

  @Test("Two that start at once on an empty store end with one active key")
  func twoStarters() async throws {
    let keyring = try await self.keyring()
    let one = try self.keys(keyring)
    let two = try self.keys(keyring)
    try await one.start(loaded: [])
    try await two.start(loaded: [])
    #expect(self.states(two).filter { $0 == "active" }.count == 1)
    let early = try await self.sign(one)
    #expect(try self.verifies(early, two.publicKeys()))
    _ = try await one.advance(at: self.clock.moment)
    #expect(one.published == two.published)
    #expect(self.states(one).filter { $0 == "active" }.count == 1)
    #expect(self.states(one).filter { $0 == "next" }.count == 1)
  }

  @Test("While it is not known whether a change happened, nothing is signed")
  func unsettled() async throws {
    let keys = try await self.started(try await self.keyring())
    self.clock.advance(by: 7_200)
    let old = keys.published[0].id
    self.store.failNext(.after)
    await #expect(throws: AuthorityError.unavailable(.store)) {
      try await keys.advance(at: self.clock.moment)
    }
    self.store.setDown(true)
    await #expect(throws: AuthorityError.unavailable(.store)) { try await self.sign(keys) }
    self.store.setDown(false)
    let token = try await self.sign(keys)
    #expect(keys.published[0].id != old && self.states(keys) == ["active", "next", "retired"])
    #expect(try self.verifies(token, keys.publicKeys()))
  }

  @Test("A store that is down does not stop signing")
  func storeDown() async throws {
    let keys = try await self.started(try await self.keyring())
    self.store.setDown(true)
    _ = try await self.sign(keys)
    self.clock.advance(by: 7_200)
    await #expect(throws: AuthorityError.unavailable(.store)) {
      try await keys.advance(at: self.clock.moment)
    }
    _ = try await self.sign(keys)
  }

  @Test(
    "A step of the wall clock rotates nothing and removes nothing",
    arguments: [400, -400] as [Int64]
  )
  func clockStep(_ days: Int64) async throws {
    let keys = try await self.started(try await self.keyring())
    self.clock.advance(by: 7_200)
    try await keys.advance(at: self.clock.moment)
    let before = keys.published
    #expect(before.map(\.state) == [.active, .next, .retired])
    let right = self.clock.moment.unix
    self.clock.set(unix: right.adding(seconds: days * 86_400))
    #expect(try await keys.advance(at: self.clock.moment).isEmpty)
    #expect(keys.published == before)
    #expect(try self.verifies(try await self.sign(keys), keys.publicKeys()))
    do {
      try await keys.rotate(algorithm: nil, isForced: false, at: self.clock.moment)
      Issue.record("rotated before verifiers have the key")
    } catch {
      guard case .failedPrecondition = error else { throw error }
    }
    // Time goes on: keys rotate by the clock that never steps.
    self.clock.advance(by: 719)
    #expect(try await keys.advance(at: self.clock.moment).isEmpty)
    self.clock.advance(by: 1)
    let removed = try await keys.advance(at: self.clock.moment).map(\.kind)
    #expect(removed == (days > 0 ? [.removed] : []))
    self.clock.advance(by: 6_480)
    #expect(
      try await keys.advance(at: self.clock.moment).map(\.kind) == [.activated, .retired, .made]
    )
    // Put right again, what the wall clock still needs is there, and goes when it may.
    self.clock.set(unix: right.adding(seconds: 7_200))
    let later = try await keys.advance(at: self.clock.moment).map(\.kind)
    #expect(later == (days > 0 ? [] : [.removed]))
    #expect(keys.published.filter { $0.state == .active }.count == 1)
  }
}
