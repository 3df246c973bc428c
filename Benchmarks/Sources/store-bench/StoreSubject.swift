// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import BenchSupport
internal import Foundation
internal import Synchronization
internal import TokenwardAuthority
internal import TokenwardCore
internal import TokenwardSQLite

/// One database, filled, loaded and written to.
struct StoreSubject {
  let path: String

  private static let start = UnixTime(seconds: 1_800_000_000)

  /// A token as services have them: a role, two scopes, an audience, a label.
  private static func token(_ number: Int, _ series: String) -> StoreRecord {
    // 16 characters, as ids have, and in no order: as random ones.
    let mixed = UInt64(truncatingIfNeeded: number) &* 0x9E37_79B9_7F4A_7C15
    let id = series + String(mixed, radix: 36).padding(toLength: 15, withPad: "x", startingAt: 0)
    var record = TokenRecord(
      id: TokenID(id),
      name: "deployment \(number)",
      tenant: Tenant("tenant-\(number % 100)"),
      owner: Owner("service-\(number % 10_000)"),
      audiences: ["https://orders.example.com"],
      createdAt: Self.start,
      expiresAt: Self.start.adding(seconds: Int64(number % 7_776_000)),
      ownerGeneration: 0,
      secret: SecretDigest(
        pepper: 1,
        code: (0 ..< 32).map { UInt8(truncatingIfNeeded: mixed >> $0) }
      )
    )
    record.roles = ["reader"]
    record.scopes = ["orders.read", "orders.list"]
    record.labels = ["team": "orders"]
    record.createdBy = "administrator000"
    return .token(record)
  }

  /// Seconds that it takes to write that many tokens.
  func fill(_ count: Int) async throws -> Double {
    let store = try SQLiteTokenStore(path: self.path)
    let clock = ContinuousClock()
    return try await Self.seconds(
      clock.measure {
        for first in stride(from: 0, to: count, by: 5_000) {
          var transaction = StoreTransaction()
          transaction.written = (first ..< min(first + 5_000, count)).map { Self.token($0, "a") }
          _ = try await store.commit(transaction)
        }
      }
    )
  }

  /// Seconds to open it, and to be handed every token.
  func load(_ count: Int) async throws -> (opening: Double, loading: Double) {
    let clock = ContinuousClock()
    let start = clock.now
    let store = try SQLiteTokenStore(path: self.path)
    let opened = clock.now
    let seen = Seen()
    _ = try await store.forEach { record in
      if case .token(let token) = record.record {
        seen.count.wrappingAdd(token.secret.code.count, ordering: .relaxed)
      }
    }
    let loaded = clock.now
    guard seen.count.load(ordering: .relaxed) >= 32 * count else {
      throw BenchFailure("not every token was handed over")
    }
    return (Self.seconds(opened - start), Self.seconds(loaded - opened))
  }

  /// Seconds that it takes to have every token in the table that verification asks, from an open store.
  func loadSnapshot(_ count: Int) async throws -> (wall: Double, cpu: Double) {
    let store = try SQLiteTokenStore(path: self.path)
    let snapshot = APITokenSnapshot()
    let clock = ContinuousClock()
    let cpu = try CPUTime.own.nanoseconds()
    let start = clock.now
    _ = try await store.forEach { record in
      if case .token(let token) = record.record { snapshot.put(APITokenEntry(token)) }
    }
    let wall = Self.seconds(clock.now - start)
    guard snapshot.count >= count else { throw BenchFailure("not every token is in the table") }
    return (wall, (try CPUTime.own.nanoseconds() - cpu) / 1e9)
  }

  /// How many tokens that many callers create, each with its receipt, one after the other.
  func create(callers: Int, seconds: Int, round: Int) async throws -> Int {
    let store = try SQLiteTokenStore(path: self.path)
    return try await Callers.run(callers, seconds: seconds) { caller, count in
      let number = (caller << 40) + (round << 32) + count
      var transaction = StoreTransaction()
      transaction.write(Self.token(number, "c"), replacing: nil)
      let key = (0 ..< 32).map { UInt8(truncatingIfNeeded: number >> ($0 % 8 * 8)) }
      let receipt = ReceiptRecord(
        key: key,
        request: key,
        token: "x",
        rotations: 0,
        pepper: 1,
        expiresAt: Self.start
      )
      transaction.write(.receipt(receipt), replacing: nil)
      _ = try await store.commit(transaction)
    }
  }

  private static func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }
}

private final class Seen: Sendable {
  let count = Atomic<Int>(0)
}
