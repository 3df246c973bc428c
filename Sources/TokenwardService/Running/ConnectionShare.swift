// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import CoreMetrics
internal import Synchronization
internal import TokenwardAuthorityAPI

/// How many connections the listeners of a process may keep.
///
/// All of them together have half of the descriptors: the rest is for the database, the audit, the
/// vault and the admin listener, which must work while somebody opens connections as fast as he can.
enum ConnectionShare {
  static let refused = "tokenward_connections_refused_total"
  static let help =
    "Connections that were closed at once because there were too many, by listener and limit."

  /// What one listener may keep, of `listeners` in the process.
  /// - Parameters:
  ///   - descriptors: how many the process may have open.
  ///   - listeners: how many share them.
  static func most(descriptors: Int, listeners: Int) -> Int {
    let share = max(descriptors, 0) / 2 / max(listeners, 1)
    return max(1, min(ConnectionAdmission.mostByDefault, share))
  }

  /// - Parameters:
  ///   - listener: its name in the metrics.
  ///   - listeners: how many listeners share the descriptors.
  ///   - mostPerAddress: what one address may keep. It never has more than half of all, so that one
  ///     alone shuts nobody out; nil for no limit of its own.
  ///   - factory: where refused connections are counted.
  static func admission(
    _ listener: String,
    of listeners: Int,
    mostPerAddress: Int?,
    factory: any MetricsFactory
  ) -> ConnectionAdmission {
    let most = Self.most(
      descriptors: ProcessHygiene.raiseDescriptorLimit(),
      listeners: listeners
    )
    let counters = Dictionary(
      uniqueKeysWithValues: ConnectionAdmission.Refusal.allCases.map { refusal in
        (
          refusal,
          Counter(
            label: Self.refused,
            dimensions: [("listener", listener), ("limit", refusal.rawValue)],
            factory: factory
          )
        )
      }
    )
    return ConnectionAdmission(
      most: most,
      mostPerAddress: mostPerAddress.map { min($0, max(1, most / 2)) } ?? most,
      onRefused: { counters[$0]?.increment() }
    )
  }
}
