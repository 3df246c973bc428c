// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// Slows down who guesses tokens: counts refused tokens that look made up, for each address, in
/// tables whose size never changes.
///
/// An address over its rate is answered with ``DenialReason/rateLimited`` before any signature or
/// digest is computed. IPv6 callers count by their /64, which one of them has all of (RFC 6177).
///
/// Many callers may share an address, and a guesser among them must not lock the others out. So what
/// is remembered of tokens that were accepted is not refused: those in the memory of the verifier,
/// and those that were accepted from the same address in the last ten minutes. Only a token that is
/// new there has to wait until the guesses stop. A caller whose address is not known is not counted:
/// a Unix domain socket has one neighbour, whom it trusts to do this itself.
public final class GuessLimiter: Sendable {
  /// How many addresses are counted, and how many accepted tokens remembered, at a time.
  public static let capacity = 16_384
  private static let shardCount = 16
  private static let ways = 4
  private static let memory: Int64 = 600 * 1_000_000_000

  private struct Count {
    var address = AddressBits(high: 0, low: 0)
    /// When the guesses of this address are forgotten, in monotonic nanoseconds: each moves it on.
    var settledAt = Int64.min
  }

  private struct Accepted {
    var mark: UInt64 = 0
    var at = Int64.min
  }

  private struct State {
    var counts = [Count](repeating: Count(), count: capacity / shardCount)
    var accepted = [Accepted](repeating: Accepted(), count: capacity / shardCount)
  }

  private final class Shard: Sendable {
    let state = Mutex(State())
  }

  private let shards = (0 ..< shardCount).map { _ in Shard() }
  private let window: Int64
  private let step: Int64

  /// - Parameters:
  ///   - guesses: how many guesses of one address are let through at once; 1 to 1,000,000, and
  ///     clamped to that.
  ///   - seconds: the time after which as many are let through again; 1 to 3,600, and clamped to
  ///     that.
  public init(guesses: Int = 100, seconds: Int = 10) {
    self.window = Int64(min(max(seconds, 1), 3_600)) * 1_000_000_000
    self.step = self.window / Int64(min(max(guesses, 1), 1_000_000))
  }

  /// Whether a token from this address has to wait.
  package func isOver(_ peer: String?, presenting token: PresentedToken, at now: Moment) -> Bool {
    guard let address = Self.counted(peer) else { return false }
    let now = Self.nanoseconds(now.monotonic)
    let (shard, hash) = self.place(address)
    let isOver = shard.state.withLock { state in
      Self.set(hash).contains { index in
        state.counts[index].address == address
          && state.counts[index].settledAt > now &+ (self.window - self.step)
      }
    }
    return isOver && !self.wasAccepted(token, from: address, at: now)
  }

  /// Takes note of a refused token.
  package func note(_ reason: DenialReason, from peer: String?, at now: Moment) {
    guard reason.looksLikeGuess, let address = Self.counted(peer) else { return }
    let now = Self.nanoseconds(now.monotonic)
    let (shard, hash) = self.place(address)
    shard.state.withLock { state in
      var slot = -1
      var least = Int64.max
      for index in Self.set(hash) {
        if state.counts[index].address == address {
          slot = index
          break
        }
        // Where there is no room, the address with the fewest guesses makes some.
        if slot < 0 || state.counts[index].settledAt < least {
          slot = index
          least = state.counts[index].settledAt
        }
      }
      guard slot >= 0 else { return }
      if state.counts[slot].address != address {
        state.counts[slot] = Count(address: address, settledAt: now)
      }
      let settled = max(state.counts[slot].settledAt, now) &+ self.step
      state.counts[slot].settledAt = min(settled, now &+ self.window)
    }
  }

  /// Takes note of an accepted token.
  package func accept(_ token: PresentedToken, from peer: String?, at now: Moment) {
    guard let address = Self.counted(peer) else { return }
    let mark = Self.mark(token, address)
    self.shard(mark).state.withLock { state in
      state.accepted[Self.index(mark)] = Accepted(
        mark: mark,
        at: Self.nanoseconds(now.monotonic)
      )
    }
  }

  private func wasAccepted(
    _ token: PresentedToken,
    from address: AddressBits,
    at now: Int64
  ) -> Bool {
    let mark = Self.mark(token, address)
    let known = self.shard(mark).state.withLock { $0.accepted[Self.index(mark)] }
    guard known.mark == mark, known.at <= now else { return false }
    return now &- known.at < Self.memory
  }

  // MARK: - Places

  private static func counted(_ peer: String?) -> AddressBits? {
    guard let address = peer.flatMap(PeerAddress.init(peer:)) else { return nil }
    return address.isIPv4 ? address.bits : address.bits.masked(to: 64)
  }

  private func place(_ address: AddressBits) -> (Shard, UInt64) {
    // The hash of the standard library is keyed at random, so no address can choose its place.
    var hasher = Hasher()
    hasher.combine(address)
    let hash = UInt64(bitPattern: Int64(hasher.finalize()))
    return (self.shard(hash), hash)
  }

  /// What is remembered of an accepted token: enough to let it be verified, not to be it.
  private static func mark(_ token: PresentedToken, _ address: AddressBits) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(address)
    token.withBytes { bytes in
      unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    }
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }

  private func shard(_ hash: UInt64) -> Shard { self.shards[Int(hash >> 60)] }

  private static func index(_ hash: UInt64) -> Int {
    Int(truncatingIfNeeded: hash & 0xFFFF) % (Self.capacity / Self.shardCount)
  }

  private static func set(_ hash: UInt64) -> Range<Int> {
    let first = Self.index(hash) / Self.ways * Self.ways
    return first ..< first + Self.ways
  }

  private static func nanoseconds(_ duration: Duration) -> Int64 {
    let (seconds, attoseconds) = duration.components
    return seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000
  }
}

extension DenialReason {
  /// Whether who was refused for it may have made the token up.
  var looksLikeGuess: Bool {
    switch self {
    case .tokenMalformed, .algorithmForbidden, .keyUnknown, .signatureInvalid, .issuerUnknown,
      .tokenUnknown, .checksumInvalid:
      true
    default: false
    }
  }
}
