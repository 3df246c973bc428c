// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

/// Where the receipt of a request with an idempotency key is, and what is in it (catalogue O11).
///
/// Receipts are found by a digest of caller, operation and key. It is made under the current pepper;
/// after a rotation of peppers the older ones are looked under as well.
struct Receipts {
  enum Operation: Int64 {
    case create = 1
    case rotate = 2
  }

  let currentKey: StoreKey
  let keys: [StoreKey]
  private let codes: [[UInt8]]
  private let key: IdempotencyKey
  private let caller: TokenID
  private let request: KeyedText
  private let secrets: AuthoritySecrets

  /// Nil without an idempotency key.
  init?(
    _ operation: Operation,
    _ key: IdempotencyKey?,
    _ request: KeyedText,
    _ caller: Caller,
    _ secrets: AuthoritySecrets
  ) {
    guard let key else { return nil }
    var text = KeyedText("tokenward receipt 1")
    text.add(caller.root.text)
    text.add(operation.rawValue)
    text.add(key.bytes)
    self.key = key
    self.caller = caller.root
    self.request = request
    self.secrets = secrets
    let current = text.code(under: secrets.current)
    let older = secrets.peppers.filter { $0.id != secrets.current.id }.map { text.code(under: $0) }
    self.codes = [current] + older
    self.keys = self.codes.map { .receipt($0) }
    self.currentKey = .receipt(current)
  }

  /// The receipt of a request with this key that still counts.
  func find(in reading: Reading, at now: UnixTime) -> ReceiptRecord? {
    for code in self.codes {
      if let receipt = reading.receipt(code), now < receipt.expiresAt { return receipt }
    }
    return nil
  }

  /// Whether a receipt is that of the same request; nil if the pepper it was made under is gone.
  func isSame(_ receipt: ReceiptRecord) -> Bool? {
    guard let pepper = self.secrets.pepper(receipt.pepper) else { return nil }
    return pepper.isValid(receipt.request, for: self.request.bytes.span)
  }

  func secret(for token: TokenID, rotations: Int64, under pepper: Pepper) -> TokenSecret {
    .derived(from: self.key, of: self.caller, for: token, rotations: rotations, under: pepper)
  }

  /// The receipt of a request that is answered now.
  func receipt(for token: TokenRecord, under pepper: Pepper, at now: UnixTime) -> ReceiptRecord {
    ReceiptRecord(
      key: self.codes[0],
      request: self.request.code(under: pepper),
      token: token.id,
      rotations: token.rotations,
      pepper: pepper.id,
      expiresAt: now.adding(seconds: AuthorityLimits.receiptSeconds)
    )
  }
}

extension TokenAuthority {
  /// The answer that a request had before.
  func repetition(
    of receipt: ReceiptRecord,
    _ receipts: Receipts,
    _ holdings: Holdings,
    _ definitions: [Role: RoleRecord],
    _ event: AuditEvent
  ) async throws(AuthorityError) -> Change<IssuedAPIToken> {
    guard receipts.isSame(receipt) == true else {
      throw .alreadyExists("the idempotency key was used for another request")
    }
    let key = StoreKey.token(receipt.token)
    try await self.settleIfNeeded(key)
    let reading = try await self.read([key])
    guard let record = reading.token(receipt.token), record.revocation == nil,
      record.rotations == receipt.rotations, let pepper = self.secrets.pepper(receipt.pepper),
      let kept = self.secrets.pepper(record.secret.pepper)
    else { throw .failedPrecondition("the token has been rotated or revoked since") }
    // A caller that has lost something since has lost the answer, too.
    try holdings.check(record.grants, definitions)
    var secret = receipts.secret(for: record.id, rotations: record.rotations, under: pepper)
    defer { secret.wipe() }
    guard secret.matches(record.secret, for: record.id, under: kept) else {
      throw .failedPrecondition("the token has been rotated or revoked since")
    }
    var event = event
    event.token = record.id
    event.details["repeated"] = "true"
    return .none(
      IssuedAPIToken(record: record, token: secret.bearerToken(record.id)),
      announcement: event
    )
  }
}

extension TokenAuthority {
  /// A token that was made while the store did not say so is not verified yet. A receipt's turn is
  /// taken before a token's and never the other way round.
  private func settleIfNeeded(_ key: StoreKey) async throws(AuthorityError) {
    guard self.memory.withLock({ $0.doubts.contains(key) }) else { return }
    try await self.turns.take(key) { () async throws(AuthorityError) in try await self.settle(key) }
  }
}
