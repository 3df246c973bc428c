// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The id of an API token in two words.
struct APITokenKey: Hashable, Sendable {
  let first: UInt64
  let second: UInt64

  /// - Parameter token: the text of a token, whose form is checked.
  init(token: Span<UInt8>) {
    self.first = token.word(at: APITokenFormat.idRange.lowerBound)
    self.second = token.word(at: APITokenFormat.idRange.lowerBound + 8)
  }

  /// Nil for what is no id: no token could be found by it.
  init?(_ id: TokenID) {
    guard APITokenFormat.isID(id.text) else { return nil }
    let bytes = id.text.utf8.span
    self.first = bytes.word(at: 0)
    self.second = bytes.word(at: 8)
  }

  var id: TokenID {
    let bytes = [self.first, self.second].flatMap { word in
      (0 ..< 8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) }
    }
    return TokenID(String(decoding: bytes, as: UTF8.self))
  }
}

/// 32 bytes of a digest in four words.
struct DigestWords: Hashable, Sendable {
  let word0: UInt64
  let word1: UInt64
  let word2: UInt64
  let word3: UInt64

  init(_ word0: UInt64, _ word1: UInt64, _ word2: UInt64, _ word3: UInt64) {
    self.word0 = word0
    self.word1 = word1
    self.word2 = word2
    self.word3 = word3
  }

  /// Nil for another number of bytes than 32.
  init?(_ bytes: [UInt8]) {
    guard bytes.count == 32 else { return nil }
    let span = bytes.span
    self.init(span.word(at: 0), span.word(at: 8), span.word(at: 16), span.word(at: 24))
  }

  var bytes: [UInt8] {
    [self.word0, self.word1, self.word2, self.word3].flatMap { word in
      (0 ..< 8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) }
    }
  }

  /// Whether all bits are the same, without a branch on any of them.
  func matches(_ other: DigestWords) -> Bool {
    let difference =
      self.word0 ^ other.word0 | self.word1 ^ other.word1 | self.word2 ^ other.word2
      | self.word3 ^ other.word3
    return difference == 0
  }
}

/// One API token in the table. Small, because there are many: names are shared objects, dates are
/// nanoseconds. An object, so that a look-up counts one reference and not one for each of its parts,
/// which took half as long as the digest.
final class APITokenRecord: Sendable {
  let key: APITokenKey
  let code: DigestWords
  let owner: APITokenOwner
  let grants: APITokenGrants
  let previous: PreviousSecret?
  let createdAt: Int64
  let notBefore: Int64
  let expiresAt: Int64
  let ownerGeneration: Int64
  let pepper: UInt32
  let isRevoked: Bool
  /// Those of its owner, beside which it does not have to be read.
  let places: APITokenMarks.Places

  /// Rare, so not in the record itself.
  final class PreviousSecret: Sendable {
    let code: DigestWords
    let pepper: UInt32
    let until: Int64

    init(code: DigestWords, pepper: UInt32, until: Int64) {
      self.code = code
      self.pepper = pepper
      self.until = until
    }
  }

  /// Nil if the id or a digest is none.
  init?(_ entry: APITokenEntry, owner: APITokenOwner, grants: APITokenGrants) {
    guard let key = APITokenKey(entry.id), let code = DigestWords(entry.secret.code) else {
      return nil
    }
    if let previous = entry.previous {
      guard let code = DigestWords(previous.digest.code) else { return nil }
      self.previous = PreviousSecret(
        code: code,
        pepper: previous.digest.pepper,
        until: previous.until.packed
      )
    } else {
      self.previous = nil
    }
    self.key = key
    self.code = code
    self.owner = owner
    self.grants = grants
    self.createdAt = entry.createdAt.packed
    self.notBefore = entry.notBefore?.packed ?? .min
    self.expiresAt = entry.expiresAt.packed
    self.ownerGeneration = entry.ownerGeneration
    self.pepper = entry.secret.pepper
    self.isRevoked = entry.isRevoked
    self.places = owner.places
  }

  /// The pepper of the previous secret; that of the present one where there is none.
  var previousPepper: UInt32 { self.previous?.pepper ?? self.pepper }
  /// The digest of the previous secret; that of the present one where there is none.
  var previousCode: DigestWords { self.previous?.code ?? self.code }
  /// The first moment at which the previous secret no longer works.
  var previousUntil: Int64 { self.previous?.until ?? .min }

  /// What the token is worth, whoever presents it.
  /// - Parameter marks: those of the table that it is in.
  func state(at now: UnixTime, marks: APITokenMarks) -> APITokenState {
    if self.isRevoked { return .revoked }
    if marks.mayHold(self.places) {
      if let mark = self.owner.mark {
        if mark.isDisabled { return .ownerDisabled }
        if self.ownerGeneration < mark.generation || self.createdAt < mark.issuedBefore {
          return .revoked
        }
      }
      if self.createdAt < self.owner.tenant.issuedBefore { return .revoked }
    }
    let now = now.packed
    if now >= self.expiresAt { return .expired }
    if now < self.notBefore { return .notYetValid }
    return .active
  }
}

extension UnixTime {
  /// Nanoseconds since the epoch; the ends of the range (the years 1677 and 2262) for what lies
  /// beyond them.
  var packed: Int64 {
    let (product, isOver) = self.seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, isOverToo) = product.addingReportingOverflow(Int64(self.nanoseconds))
    guard !isOver, !isOverToo else { return self.seconds < 0 ? .min : .max }
    return sum
  }

  init(packed: Int64) {
    var (seconds, rest) = packed.quotientAndRemainder(dividingBy: 1_000_000_000)
    if rest < 0 {
      seconds -= 1
      rest += 1_000_000_000
    }
    self.init(seconds: seconds, nanoseconds: Int32(truncatingIfNeeded: rest))
  }
}
