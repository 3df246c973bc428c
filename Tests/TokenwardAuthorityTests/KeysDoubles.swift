// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Crypto
import Foundation
import Synchronization
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

/// Keeps a secret in memory.
final class MemoryKeeper: SecretKeeper {
  private let state: Mutex<(bytes: [UInt8]?, version: Int64)>
  /// Told before a write happens: another writer may be quicker.
  private let beforeWriting = Mutex<(@Sendable (MemoryKeeper) -> Void)?>(nil)

  init(_ text: String? = nil) {
    self.state = Mutex((text.map { Array($0.utf8) }, text == nil ? 0 : 1))
  }

  var text: String { String(decoding: self.state.withLock { $0.bytes ?? [] }, as: UTF8.self) }

  func put(_ text: String) {
    self.state.withLock { $0 = (Array(text.utf8), $0.version + 1) }
  }

  func onceBeforeWriting(_ body: @escaping @Sendable (MemoryKeeper) -> Void) {
    self.beforeWriting.withLock { $0 = body }
  }

  func read() async throws(SecretError) -> KeptSecret? {
    self.state.withLock { state in
      state.bytes.map { ($0, state.version) }
    }.map { KeptSecret(SecretBytes($0.0), version: $0.1) }
  }

  func write(
    _ secret: borrowing SecretBytes,
    replacing version: Int64?
  ) async throws(SecretError) -> Bool {
    let body = self.beforeWriting.withLock { body in
      defer { body = nil }
      return body
    }
    body?(self)
    let bytes = secret.withExposedBytes { span in span.withUnsafeBufferPointer { Array($0) } }
    return self.state.withLock { state in
      guard (state.bytes == nil ? nil : state.version) == version else { return false }
      state = (bytes, state.version + 1)
      return true
    }
  }

  /// The secrets of one kind that are kept, the current one first.
  func keys(_ kind: String) throws -> [[UInt8]] {
    let object = try JSONSerialization.jsonObject(with: Data(self.text.utf8)) as? [String: Any]
    let entries = object?[kind] as? [[String: Any]] ?? []
    return entries.compactMap {
      ($0["key"] as? String).flatMap { Base64URL.decode(Array($0.utf8)) }
    }
  }
}

/// A store whose commits fail as a test says.
final class KeysFaultyStore: TokenStore {
  enum Fault: Sendable {
    case before
    case after
    case conflict
  }

  let inner: any TokenStore
  private let state = Mutex<(commits: Int, faults: [Int: Fault], isDown: Bool)>((0, [:], false))

  init(_ inner: any TokenStore = InMemoryTokenStore()) { self.inner = inner }

  var commits: Int { self.state.withLock { $0.commits } }

  /// - Parameter index: which commit fails, counted from the first one of the store.
  func fail(_ index: Int, _ fault: Fault) { self.state.withLock { $0.faults[index] = fault } }
  func failNext(_ fault: Fault) { self.state.withLock { $0.faults[$0.commits] = fault } }
  func setDown(_ isDown: Bool) { self.state.withLock { $0.isDown = isDown } }

  private func check() throws(StoreError) {
    guard !self.state.withLock({ $0.isDown }) else { throw .unavailable("down") }
  }

  func commit(_ transaction: StoreTransaction) async throws(StoreError) -> StoreVersion {
    try self.check()
    let fault = self.state.withLock { state in
      defer { state.commits += 1 }
      return state.faults[state.commits]
    }
    if fault == .before { throw .unavailable("before") }
    if fault == .conflict { throw .conflict }
    let version = try await self.inner.commit(transaction)
    if fault == .after { throw .unavailable("after") }
    return version
  }

  func read(_ keys: [StoreKey]) async throws(StoreError) -> [StoredRecord?] {
    try self.check()
    return try await self.inner.read(keys)
  }

  func tokens(_ query: TokenQuery) async throws(StoreError) -> [StoredRecord] {
    try await self.inner.tokens(query)
  }

  func forEach(
    _ body: @escaping @Sendable (StoredRecord) -> Void
  ) async throws(StoreError) -> StoreVersion {
    try self.check()
    return try await self.inner.forEach(body)
  }

  func note(_ uses: [TokenUse]) async throws(StoreError) { try await self.inner.note(uses) }

  func forget(
    receiptsBefore receipts: UnixTime,
    tokensBefore tokens: UnixTime
  ) async throws(StoreError) -> Bool {
    try await self.inner.forget(receiptsBefore: receipts, tokensBefore: tokens)
  }

  /// Every record.
  func records() async throws -> [StoredRecord] {
    let box = RecordBox()
    _ = try await self.inner.forEach { box.note($0) }
    return box.records
  }
}

private final class RecordBox: Sendable {
  private let found = Mutex<[StoredRecord]>([])
  var records: [StoredRecord] { self.found.withLock { $0 } }
  func note(_ record: StoredRecord) { self.found.withLock { $0.append(record) } }
}

/// A keyring that can be sealed, or answer with the signer of another key.
final class FaultyKeyring: SigningKeyring {
  private let inner: any SigningKeyring
  private let state = Mutex<(isSealed: Bool, other: SigningKeyRecord?)>((false, nil))

  init(_ inner: any SigningKeyring) { self.inner = inner }

  func setSealed(_ isSealed: Bool) { self.state.withLock { $0.isSealed = isSealed } }
  func answerWithSigner(of other: SigningKeyRecord?) { self.state.withLock { $0.other = other } }

  func makeKey(
    _ algorithm: Algorithm,
    at now: UnixTime
  ) async throws(SigningError) -> SigningKeyRecord {
    guard !self.state.withLock({ $0.isSealed }) else { throw SigningError("sealed") }
    return try await self.inner.makeKey(algorithm, at: now)
  }

  func signer(of key: SigningKeyRecord) async throws(SigningError) -> any TokenSigner {
    guard !self.state.withLock({ $0.isSealed }) else { throw SigningError("sealed") }
    return try await self.inner.signer(of: self.state.withLock { $0.other } ?? key)
  }
}

/// Authority secrets that are made anew, and where they are kept.
func freshSecrets() async throws -> (AuthoritySecrets, MemoryKeeper) {
  let keeper = MemoryKeeper()
  let secrets = try await AuthoritySecrets.load(
    from: keeper,
    isFirstStart: true,
    at: ManualClock.defaultStart
  )
  return (secrets, keeper)
}

/// How key bytes look where somebody prints them.
func appearances(of key: [UInt8]) -> [String] {
  [
    Base64URL.encode(key), Data(key).base64EncodedString(),
    key.map { String(format: "%02x", $0) }.joined(),
    key.map { String(format: "%02X", $0) }.joined(),
    key.map { "\($0)" }.joined(separator: ", "),
    key.map { "\($0)" }.joined(separator: "\n"),
  ]
}

/// Everything that can be printed of a value, with everything that a mirror shows of it.
func everythingPrinted(of value: Any) -> String {
  var dumped = ""
  dump(value, to: &dumped)
  return dumped + "\(value)" + String(describing: value) + String(reflecting: value)
    + walk(Mirror(reflecting: value), depth: 0)
}

private func walk(_ mirror: Mirror, depth: Int) -> String {
  guard depth < 8 else { return "" }
  var text = ""
  for child in mirror.children {
    text += "\(child.label ?? ""): \(child.value) \(String(reflecting: child.value))\n"
    text += walk(Mirror(reflecting: child.value), depth: depth + 1)
  }
  return text
}
