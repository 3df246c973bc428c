// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// What a batch answers to one line.
struct BatchAnswer {
  /// Why the line is refused; nil if it is accepted.
  var reason: String?
  /// Keys of the set that are not used.
  var skipped: [SkippedKey] = []

  /// The line is accepted.
  static let accept = BatchAnswer(reason: nil)

  /// The line is refused.
  /// - Parameter reason: the name of a `DenialReason` or of a problem of keys.
  static func refuse(_ reason: String) -> BatchAnswer { BatchAnswer(reason: reason) }

  /// The line is refused.
  static func refuse(_ reason: DenialReason) -> BatchAnswer { .refuse(reason.rawValue) }

  /// The key set of the line is refused.
  static func refuse(_ problem: KeySetProblem) -> BatchAnswer {
    switch problem {
    case .noUsableKeys(let skipped):
      // With one key, its problem says more than that none is left.
      let reason = skipped.count == 1 ? "\(skipped[0].problem)" : "noUsableKeys"
      return BatchAnswer(reason: reason, skipped: skipped)
    default:
      return .refuse("\(problem)")
    }
  }

  /// The line of the answer, with its line feed.
  /// - Parameter id: the JSON text of the request's `id`.
  func line(id: [UInt8]) -> [UInt8] {
    var object = JSONObjectText()
    object.add("id", json: id)
    object.add("verdict", self.reason == nil ? "accept" : "refuse")
    object.add("reason", self.reason)
    if !self.skipped.isEmpty {
      object.add(
        "skipped",
        self.skipped.map { key in
          var entry = JSONObjectText()
          entry.add("index", Int64(key.index))
          entry.add("kid", key.id?.text)
          entry.add("problem", "\(key.problem)")
          return entry
        }
      )
    }
    return object.utf8 + [UInt8(ascii: "\n")]
  }
}
