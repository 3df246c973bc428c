// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardAuthority
internal import TokenwardCore
internal import TokenwardSQLite

/// One of 16 callers that create, rotate and revoke tokens as an authority does, each request with an
/// idempotency key. After a restart it first repeats the last request that it had made.
struct Worker {
  let store: SQLiteTokenStore
  let number: Int
  var request: Int

  private static let start = UnixTime(seconds: 1_800_000_000)

  static func runAll(_ store: SQLiteTokenStore) async throws {
    let last = Mutex([Int](repeating: 0, count: 16))
    let seen = Last(last)
    _ = try await store.forEach { stored in
      guard case .receipt(let receipt) = stored.record else { return }
      let parts = String(decoding: receipt.key, as: UTF8.self).split(separator: "/")
      guard parts.count == 2, let worker = Int(parts[0]), let request = Int(parts[1]),
        (0 ..< 16).contains(worker)
      else { return }
      seen.requests.withLock { $0[worker] = max($0[worker], request) }
    }
    let requests = seen.requests.withLock { $0 }
    StoreCrash.say("ready")
    try await withThrowingTaskGroup { group in
      for number in 0 ..< 16 {
        group.addTask {
          var worker = Worker(store: store, number: number, request: requests[number])
          while true { try await worker.step() }
        }
      }
      try await group.waitForAll()
    }
  }

  /// Creates a token, rotates it twice and revokes every other one.
  mutating func step() async throws {
    let key = "\(self.number)/\(self.request)"
    StoreCrash.say("try create \(key)")
    let id = try await self.create(key)
    StoreCrash.say("created \(key) \(id)")
    for _ in 0 ..< 2 {
      let rotations = try await self.change(id) { record in
        StoreCrash.say("try rotate \(id) \(record.rotations + 1)")
        record.rotations += 1
        // Stands for the digest: the two have to change together.
        record.secret.pepper = UInt32(truncatingIfNeeded: record.rotations)
      }
      StoreCrash.say("rotated \(id) \(rotations)")
    }
    if self.request % 2 == 0 {
      _ = try await self.change(id) { record in
        StoreCrash.say("try revoke \(id)")
        record.revocation = .init(at: Self.start, reason: "", by: nil)
      }
      StoreCrash.say("revoked \(id)")
    }
    self.request += 1
  }

  private func create(_ key: String) async throws(StoreError) -> TokenID {
    let receiptKey = StoreKey.receipt(Array(key.utf8))
    if case .receipt(let receipt)? = try await self.store.read([receiptKey]).first??.record {
      return receipt.token
    }
    let id = TokenID("\(self.number)-\(UInt64.random(in: .min ... .max))")
    let record = TokenRecord(
      id: id,
      name: key,
      tenant: .main,
      owner: "crash",
      audiences: ["crash"],
      createdAt: Self.start,
      expiresAt: Self.start.adding(seconds: 1),
      ownerGeneration: 0,
      secret: SecretDigest(pepper: 0, code: [UInt8](repeating: 1, count: 32))
    )
    let receipt = ReceiptRecord(
      key: Array(key.utf8),
      request: [],
      token: id,
      rotations: 0,
      pepper: 0,
      expiresAt: Self.start
    )
    var transaction = StoreTransaction()
    transaction.write(.token(record), replacing: nil)
    transaction.write(.receipt(receipt), replacing: nil)
    _ = try await self.store.commit(transaction)
    return id
  }

  private func change(
    _ id: TokenID,
    _ body: (inout TokenRecord) -> Void
  ) async throws(StoreError) -> Int64 {
    guard let stored = try await self.store.read([.token(id)]).first ?? nil,
      case .token(var record) = stored.record
    else { StoreCrash.end("\(id) was created and is not there", 70) }
    body(&record)
    var transaction = StoreTransaction()
    transaction.write(.token(record), replacing: stored.version)
    _ = try await self.store.commit(transaction)
    return record.rotations
  }
}

private final class Last: Sendable {
  let requests: Mutex<[Int]>
  init(_ requests: consuming Mutex<[Int]>) { self.requests = requests }
}
