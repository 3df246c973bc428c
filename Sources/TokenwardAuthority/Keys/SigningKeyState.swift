// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

/// A key as this process knows it.
struct HeldSigningKey: Sendable {
  var record: SigningKeyRecord
  var version: StoreVersion
  /// Parsed from the record, which proves that it holds nothing private.
  let publicKey: VerificationKey
  /// When it came into its state, on the monotonic clock.
  var since: Duration

  /// - Returns: nil for a record whose public key is not what its name and algorithm say.
  init?(_ record: SigningKeyRecord, version: StoreVersion, since: Duration) {
    guard let set = try? KeySet(jwk: record.publicJWK, trust: .publicKeys),
      let key = try? set.key(for: record.id, algorithm: record.algorithm)
    else { return nil }
    self.record = record
    self.version = version
    self.publicKey = key
    self.since = since
  }

  func hasBeen(for seconds: Int64, at now: Moment) -> Bool {
    now.monotonic - self.since >= .seconds(seconds)
  }

  /// How long it was in its state when this process found it, by the dates in its record.
  static func age(of record: SigningKeyRecord, at now: UnixTime) -> Duration {
    let begin =
      switch record.state {
      case .next: record.createdAt
      case .active: record.activatedAt ?? record.createdAt
      case .retired: record.retiredAt ?? now
      }
    return begin.duration(to: now)
  }
}

/// A key that signs.
struct ActiveSigningKey: Sendable {
  let held: HeldSigningKey
  let header: AccessTokenHeader
  /// Nil until it was opened.
  let signer: (any TokenSigner)?
}

/// What a request needs, swapped whole.
final class SigningKeySnapshot: Sendable {
  let active: [ActiveSigningKey]
  let publicKeys: [UInt8]
  /// Whether a change may or may not have happened.
  let isUnsettled: Bool

  init(active: [ActiveSigningKey], publicKeys: [UInt8], isUnsettled: Bool) {
    self.active = active
    self.publicKeys = publicKeys
    self.isUnsettled = isUnsettled
  }
}

/// All that this process knows of the keys.
struct SigningKeyState: Sendable {
  /// Whether ``SigningKeys/start(loaded:)`` has seen the store.
  private(set) var isStarted = false
  /// In the order of ``SigningKeys/published``.
  private(set) var keys: [HeldSigningKey] = []
  private(set) var snapshot = SigningKeySnapshot(
    active: [],
    publicKeys: Array(#"{"keys":[]}"#.utf8),
    isUnsettled: false
  )
  /// Of the active keys only: a private key leaves the memory when it ceases to sign.
  private var signers: [KeyID: any TokenSigner] = [:]

  mutating func replace(
    _ keys: [HeldSigningKey],
    signers opened: [KeyID: any TokenSigner] = [:]
  ) {
    self.isStarted = true
    self.signers.merge(opened) { _, new in new }
    self.keys = keys.sorted { left, right in
      let (first, second) = (Self.rank(left.record.state), Self.rank(right.record.state))
      if first != second { return first < second }
      return left.record.id.utf8.lexicographicallyPrecedes(right.record.id.utf8)
    }
    self.publish(isUnsettled: false)
  }

  mutating func hold(_ signer: any TokenSigner, of id: KeyID) {
    guard self.keys.contains(where: { $0.record.id == id }) else { return }
    self.signers[id] = signer
    self.publish(isUnsettled: self.snapshot.isUnsettled)
  }

  /// A transaction may or may not have happened.
  mutating func unsettle() { self.publish(isUnsettled: true) }

  private mutating func publish(isUnsettled: Bool) {
    let active = self.keys.filter { $0.record.state == .active }
    let ids = Set(active.map(\.record.id))
    self.signers = self.signers.filter { ids.contains($0.key) }
    var text = Array(#"{"keys":["#.utf8)
    for (index, key) in self.keys.enumerated() {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      text += key.record.publicJWK
    }
    text += Array("]}".utf8)
    self.snapshot = SigningKeySnapshot(
      // The newest first, should there be two of one algorithm.
      active: active.sorted { SigningKeyPlan.isOlder($1, $0) }.map { key in
        ActiveSigningKey(
          held: key,
          header: AccessTokenHeader(key.record),
          signer: self.signers[key.record.id]
        )
      },
      publicKeys: text,
      isUnsettled: isUnsettled
    )
  }

  private static func rank(_ state: SigningKeyRecord.State) -> Int {
    switch state {
    case .active: 0
    case .next: 1
    case .retired: 2
    }
  }
}

/// Lets one task after the other change keys. Not on the path of a request.
final class Turns: Sendable {
  private struct State {
    var isTaken = false
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  func take() async {
    await withCheckedContinuation { continuation in
      let isFree = self.state.withLock { state in
        if !state.isTaken {
          state.isTaken = true
          return true
        }
        state.waiting.append(continuation)
        return false
      }
      if isFree { continuation.resume() }
    }
  }

  func giveBack() {
    let next = self.state.withLock { state in
      guard !state.waiting.isEmpty else {
        state.isTaken = false
        return nil as CheckedContinuation<Void, Never>?
      }
      return state.waiting.removeFirst()
    }
    next?.resume()
  }
}
