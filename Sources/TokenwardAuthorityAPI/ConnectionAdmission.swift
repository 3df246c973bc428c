// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

package import NIOCore
internal import Synchronization

/// Which connections a listener keeps. One over the limit is closed as soon as it was accepted,
/// before anything is read or set up for it.
///
/// Connections cost nothing to open and a descriptor each to keep: without a limit a thousand idle
/// ones take the descriptors of every other listener, of the store and of the audit. And one address
/// must not be able to take all there are.
///
/// IPv6 callers count by their /64, as they do where guesses are counted.
package final class ConnectionAdmission: Sendable {
  /// Most connections of one listener, if descriptors suffice.
  package static let mostByDefault = 4_096
  /// Most connections of one address.
  package static let mostPerAddressByDefault = 256

  /// Why a connection was closed at once.
  package enum Refusal: String, Error, Sendable, Hashable, CaseIterable {
    /// The listener has as many as it keeps.
    case total
    /// The address has as many as one may have.
    case address
  }

  private struct State {
    var total = 0
    /// Never more entries than connections.
    var counts: [String: Int] = [:]
  }

  /// Most connections at a time.
  package let most: Int
  /// Most of one address at a time.
  package let mostPerAddress: Int
  private let onRefused: @Sendable (Refusal) -> Void
  private let state = Mutex(State())

  /// - Parameters:
  ///   - most: most connections at a time; at least 1.
  ///   - mostPerAddress: most of one address at a time; at least 1.
  ///   - onRefused: told of each connection that is closed at once.
  package init(
    most: Int = ConnectionAdmission.mostByDefault,
    mostPerAddress: Int = ConnectionAdmission.mostPerAddressByDefault,
    onRefused: @escaping @Sendable (Refusal) -> Void = { _ in }
  ) {
    self.most = max(1, most)
    self.mostPerAddress = max(1, mostPerAddress)
    self.onRefused = onRefused
  }

  /// How many connections are open.
  package var count: Int { self.state.withLock { $0.total } }

  /// Counts a connection that was accepted until it is closed, or closes it.
  /// - Returns: fails if it was closed.
  package func admit(_ channel: any Channel) -> EventLoopFuture<Void> {
    let place = channel.remoteAddress?.ipAddress.map(Self.place)
    if let refusal = self.enter(place) {
      self.onRefused(refusal)
      channel.close(promise: nil)
      return channel.eventLoop.makeFailedFuture(refusal)
    }
    channel.closeFuture.whenComplete { _ in self.leave(place) }
    return channel.eventLoop.makeSucceededVoidFuture()
  }

  /// - Parameter place: what ``place(of:)`` makes of the address; nil where there is none: a Unix
  ///   domain socket has one neighbour.
  package func enter(_ place: String?) -> Refusal? {
    self.state.withLock { state in
      guard state.total < self.most else { return .total }
      if let place {
        guard state.counts[place, default: 0] < self.mostPerAddress else { return .address }
        state.counts[place, default: 0] += 1
      }
      state.total += 1
      return nil
    }
  }

  package func leave(_ place: String?) {
    self.state.withLock { state in
      state.total = max(0, state.total - 1)
      guard let place, let count = state.counts[place] else { return }
      state.counts[place] = count > 1 ? count - 1 : nil
    }
  }

  /// What an address is counted as, from how the system writes it: an IPv4 address as it is, also
  /// one that is mapped into IPv6 (`::ffff:a.b.c.d`); of an IPv6 address the network of 64 bits.
  package static func place(of address: String) -> String {
    let bytes = address.utf8
    guard bytes.contains(UInt8(ascii: ":")) else { return address }
    if bytes.contains(UInt8(ascii: ".")) {
      return bytes.split(separator: UInt8(ascii: ":")).last
        .map { String(decoding: $0, as: UTF8.self) } ?? address
    }
    // The system writes groups without leading zeros and at most one gap (RFC 5952); what is in front
    // of the gap, as far as it belongs to the first four groups, names the network.
    let parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    let gap = parts.firstIndex { $0.isEmpty } ?? parts.endIndex
    var groups = Array(parts[..<gap])
    let after = parts[gap...].filter { !$0.isEmpty }
    // A gap stands for as many zeros as make eight groups.
    while groups.count + after.count < 8 { groups.append("0") }
    groups += after
    return "\(groups.prefix(4).joined(separator: ":"))::/64"
  }
}
