// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
public import TokenwardCore

/// The secrets of an authority: the peppers that its records are digested under and the keys that its
/// signing keys are sealed with. All of them are one document in one place (``SecretKeeper``), so that
/// either all of them are there or none.
public struct AuthoritySecrets: Sendable {
  private let storage: Storage

  /// The pepper that new secrets are digested under.
  public var current: Pepper { self.storage.peppers.current }

  /// Every pepper, the current one first.
  public var peppers: [Pepper] { [self.storage.peppers.current] + self.storage.peppers.retired }

  /// A pepper by its name; nil for one that is not kept any more.
  public func pepper(_ id: UInt32) -> Pepper? { self.peppers.first { $0.id == id } }

  /// Reads the secrets, and makes them on the first start.
  /// - Parameters:
  ///   - keeper: where they are kept.
  ///   - isFirstStart: whether the store has no record yet.
  ///   - now: the present time.
  public static func load(
    from keeper: any SecretKeeper,
    isFirstStart: Bool,
    at now: UnixTime
  ) async throws(SecretError) -> AuthoritySecrets {
    throw SecretError(.unavailable, problem: "", hint: "")
  }

  /// Makes a new pepper the current one.
  /// - Parameters:
  ///   - keeper: where the secrets are kept.
  ///   - inUse: the peppers that records are digested under.
  ///   - now: the present time.
  public static func rotatePepper(
    in keeper: any SecretKeeper,
    inUse: Set<UInt32>,
    at now: UnixTime
  ) async throws(SecretError) -> AuthoritySecrets {
    throw SecretError(.unavailable, problem: "", hint: "")
  }

  private final class Storage: Sendable {
    let peppers: (current: Pepper, retired: [Pepper])
    init(peppers: (current: Pepper, retired: [Pepper])) { self.peppers = peppers }
  }
}
