// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

@Suite("Crashes of a rotation")
struct KeysCrashTests {
  /// A token and how long it has to be verifiable, on the clock that never steps.
  private struct Issued {
    var token: [UInt8]
    var until: Duration
  }

  private static func verifies(_ token: [UInt8], _ set: KeySet) -> Bool {
    do throws(JWSProblem) {
      _ = try CompactJWS(parsing: token).verify(keys: set, allowed: [.es256])
      return true
    } catch {
      return false
    }
  }

  /// Eight hours of rotations every two hours, in steps of two minutes. At one commit the process ends,
  /// before or after the store has done it, and another one begins.
  @Test(
    "After a crash at any commit every token stays verifiable, with key sets that are five minutes old",
    arguments: 0 ..< 12,
    [KeysFaultyStore.Fault.before, .after]
  )
  func life(_ index: Int, _ fault: KeysFaultyStore.Fault) async throws {
    let clock = ManualClock()
    let store = KeysFaultyStore()
    store.fail(index, fault)
    let keyring = LocalSigningKeyring(secrets: try await freshSecrets().0)
    func process() throws -> SigningKeys {
      try SigningKeys(
        store: store,
        keyring: keyring,
        schedule: KeySchedule(
          rotationSeconds: 7_200,
          publishAheadSeconds: 600,
          longestTokenSeconds: 600,
          marginSeconds: 120
        ),
        algorithms: [.es256],
        time: clock
      )
    }

    var keys = try process()
    var isStarted = false
    var crashes = 0
    var issued: [Issued] = []
    var published: [(at: Duration, set: KeySet)] = []
    var signers: Set<KeyID> = []
    for _ in 0 ..< 240 {
      do throws(AuthorityError) {
        if isStarted {
          try await keys.advance(at: clock.moment)
        } else {
          try await keys.start(loaded: try await Self.records(store))
          isStarted = true
        }
      } catch {
        // The process ends here; the next step begins another one.
        crashes += 1
        keys = try process()
        isStarted = false
        clock.advance(by: 1)
        continue
      }
      let active = keys.published.filter { $0.state == .active }
      #expect(active.count == 1 && keys.published.filter { $0.state == .next }.count == 1)
      signers.formUnion(active.map(\.id))

      let now = clock.moment
      let set = try KeySet(jwks: keys.publicKeys(), trust: .publicKeys)
      let token = try await keys.sign(KeysAccessTokenTests.claims(at: now.unix, lifetime: 600))
      // What a verifier has that fetched the set as long ago as it may keep it.
      let old = published.last {
        now.monotonic - $0.at >= .seconds(keys.schedule.maximumCacheSeconds)
      }
      if let old { #expect(Self.verifies(token, old.set)) }
      issued.append(Issued(token: token, until: now.monotonic + .seconds(600)))
      issued.removeAll { $0.until < now.monotonic }
      for issued in issued { #expect(Self.verifies(issued.token, set)) }
      published.append((now.monotonic, set))
      clock.advance(by: 120)
    }
    #expect(crashes == (index < store.commits ? 1 : 0))
    #expect(signers.count == 4 && keys.published.count <= 3)
    // Every commit of an undisturbed life is among the arguments: making, rotating, removing.
    #expect(store.commits <= 12)
  }

  private static func records(
    _ store: KeysFaultyStore
  ) async throws(AuthorityError) -> [StoredRecord] {
    do {
      return try await store.records()
    } catch {
      throw .unavailable(.store)
    }
  }
}
