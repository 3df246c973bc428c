// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore

/// The signing keys of an authority: published, then signing, then published until their last token
/// has expired.
///
/// There is always a next key, so that keys can be rotated at any time, and exactly one key of each
/// algorithm signs. Every change is one transaction: a crash between two steps leaves the state
/// before the change or after it, and the next ``start(loaded:)`` goes on from there.
///
/// How long a key has been in its state is counted on the monotonic clock from the moment on at which
/// this process learned of it; the dates in the records count for the time before the start only. So
/// no step of the wall clock, in either direction, rotates keys, lets a key sign that verifiers have
/// not fetched, or takes one away that unexpired tokens need. (A step while no process runs cannot be
/// told from time that has passed.) A retired key is removed only when the wall clock says so as well:
/// set back, it brings expired tokens back, and their key is still there.
public final class SigningKeys: Sendable {
  /// How many keys are published at most: verifiers refuse sets of more than 100.
  public static let mostKeys = 32

  /// How long keys are published, sign, and stay published.
  public let schedule: KeySchedule
  /// What is signed with; the first one unless a caller asks for another.
  public let algorithms: [Algorithm]

  let store: any TokenStore
  let keyring: any SigningKeyring
  let time: any TimeSource
  let report: @Sendable (String) -> Void
  let state = Mutex(SigningKeyState())
  let turns = Turns()

  /// - Parameters:
  ///   - store: where the keys are kept.
  ///   - keyring: makes them and signs with them.
  ///   - schedule: how long they are published, sign, and stay published.
  ///   - algorithms: `.es256`, `.eddsa` or both, the default one first.
  ///   - time: the clocks.
  ///   - report: told why keys could not be made, opened or changed; for the log. Contains no secret.
  /// - Throws: `ConfigurationError` for other algorithms, none, or one twice.
  public init(
    store: any TokenStore,
    keyring: any SigningKeyring,
    schedule: KeySchedule,
    algorithms: [Algorithm],
    time: any TimeSource,
    report: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(ConfigurationError) {
    guard !algorithms.isEmpty, Set(algorithms).count == algorithms.count,
      AlgorithmSet(algorithms).isSubset(of: [.es256, .eddsa])
    else {
      throw ConfigurationError(
        path: "signing.algorithms",
        problem: "are not ES256, EdDSA or both",
        hint: "write [ES256]; every verifier knows it"
      )
    }
    self.store = store
    self.keyring = keyring
    self.schedule = schedule
    self.algorithms = algorithms
    self.time = time
    self.report = report
  }

  /// The keys that are published: the active ones first, then the next ones, then the retired ones.
  public var published: [SigningKeyRecord] {
    self.state.withLock { $0.keys.map(\.record) }
  }

  /// The public keys, as a JWK Set (RFC 7517 §5). Nobody may keep it for longer than
  /// ``KeySchedule/maximumCacheSeconds``.
  public func publicKeys() -> [UInt8] { self.state.withLock { $0.snapshot.publicKeys } }
}

// MARK: - Signing

extension SigningKeys {
  /// A token may say that it was made this much later than the present time: a clock that is being
  /// corrected goes back between the two readings. The margin of every schedule covers it.
  static let clockStepSeconds: Int64 = 60

  /// Signs an access token.
  /// - Parameters:
  ///   - claims: what it says.
  ///   - algorithm: what it is signed with; the default one unless given.
  /// - Returns: a compact JWS (RFC 7515 §7.1).
  /// - Throws: `invalid` for claims that no verifier would accept, an expiry beyond what the key stays
  ///   published for, and an algorithm that is not offered; `failedPrecondition` for an algorithm
  ///   whose key is not published for long enough; `unavailable` while the key cannot be opened or
  ///   does not sign (`secrets`), while it is not known which key is to sign (`store`), and if the
  ///   clock cannot be read or the token comes from its future (`clock`). Nothing else is signed with
  ///   instead; the next call tries again.
  public func sign(
    _ claims: AccessTokenClaims,
    algorithm: Algorithm? = nil
  ) async throws(AuthorityError) -> [UInt8] {
    var snapshot = self.state.withLock { $0.snapshot }
    if snapshot.isUnsettled {
      try await self.settle()
      snapshot = self.state.withLock { $0.snapshot }
    }
    let key = try self.activeKey(for: algorithm, in: snapshot)
    guard claims.lifetimeSeconds <= self.schedule.longestTokenSeconds else {
      throw .invalid(
        field: "lifetime",
        problem:
          "is above \(self.schedule.longestTokenSeconds) s, and keys are not published longer"
      )
    }
    guard let now = self.time.now()?.unix,
      claims.issuedAt <= now.adding(seconds: Self.clockStepSeconds)
    else { throw .unavailable(.clock) }

    let input = try key.header.signingInput(claims.json())
    do throws(SigningError) {
      let signature = try await self.signer(of: key).sign(input)
      guard signature.count == AccessTokenHeader.signatureLength else {
        throw SigningError("the signature of \(key.held.record.id) is not in the form of JWS")
      }
      return AccessTokenHeader.token(input, signature: signature)
    } catch {
      self.report(error.problem)
      throw .unavailable(.secrets)
    }
  }

  private func activeKey(
    for algorithm: Algorithm?,
    in snapshot: SigningKeySnapshot
  ) throws(AuthorityError) -> ActiveSigningKey {
    if let algorithm {
      guard self.algorithms.contains(algorithm) else {
        throw .invalid(field: "algorithm", problem: "is not offered")
      }
      for key in snapshot.active where key.held.record.algorithm == algorithm { return key }
      throw .failedPrecondition(
        "the \(algorithm.rawValue) key does not sign until verifiers have had time to fetch it"
      )
    }
    for algorithm in self.algorithms {
      for key in snapshot.active where key.held.record.algorithm == algorithm { return key }
    }
    throw .unavailable(.secrets)
  }

  private func signer(of key: ActiveSigningKey) async throws(SigningError) -> any TokenSigner {
    if let signer = key.signer { return signer }
    let signer = try await self.open(key.held)
    self.state.withLock { $0.hold(signer, of: key.held.record.id) }
    return signer
  }

  /// Has the signer of a key sign once, and verifies it with the key that is published: what nobody
  /// could verify is not handed out, and another's key is not signed with.
  func open(_ key: HeldSigningKey) async throws(SigningError) -> any TokenSigner {
    let signer = try await self.keyring.signer(of: key.record)
    // No signing input of a JWS: it has no dot, so the signature is good for nothing.
    let sample = Array("tokenward signing key check".utf8)
    let signature = try await signer.sign(sample)
    guard
      key.publicKey.isValidSignature(
        signature,
        for: sample.span,
        algorithm: key.record.algorithm
      )
    else { throw SigningError("the signing key \(key.record.id) signs with another key") }
    return signer
  }
}
