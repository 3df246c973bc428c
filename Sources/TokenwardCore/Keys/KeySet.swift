// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// An immutable snapshot of the keys of one issuer (RFC 7517 §5).
///
/// A useless key (unknown type, meant for encryption, weak) is skipped and reported in ``skipped``;
/// a set that shows a mistake of its owner (private material, symmetric and asymmetric keys mixed,
/// a `kid` twice) is refused as a whole.
public struct KeySet: Sendable {
  /// What kinds of keys the place where a set comes from may hold.
  public enum Trust: Sendable, Hashable {
    /// A published set: public keys only. One private or symmetric key refuses the whole set,
    /// because everyone could have read it.
    case publicKeys
    /// A local file of an issuer that is explicitly configured as symmetric: `oct` keys only.
    case localSymmetric
    /// A file that the operator names for one command: one key or a set, public or symmetric, never
    /// both, and no private keys.
    case either
  }

  /// More than any issuer publishes, few enough to load at once (catalogue K13).
  public static let maximumKeyCount = 100
  /// The longest accepted document, in bytes.
  public static let maximumLength = 1 << 20

  private let storage: Storage

  /// Parses a JWK Set.
  /// - Parameters:
  ///   - jwks: the document; with ``Trust/either`` it may be one bare JWK instead.
  ///   - trust: what kinds of keys it may hold.
  ///   - revoked: names of keys that are not used whoever publishes them.
  public init(
    jwks: [UInt8],
    trust: Trust,
    revoked: Set<KeyID> = []
  ) throws(KeySetProblem) {
    let shape = trust == .either ? nil : Shape.set
    try self.init(reading: jwks, as: shape, trust: trust, revoked: revoked)
  }

  /// Parses one bare JWK (RFC 7517 §4).
  /// - Parameters:
  ///   - jwk: the document.
  ///   - trust: what kind of key it may be.
  public init(jwk: [UInt8], trust: Trust) throws(KeySetProblem) {
    try self.init(reading: jwk, as: .key, trust: trust, revoked: [])
  }

  /// Different for each set that this process makes, so that a cache can tell them apart.
  public var generation: UInt64 { self.storage.generation }

  /// How many keys can be used; at least one.
  public var keyCount: Int { self.storage.keys.count }

  /// The keys that are not used, and why.
  public var skipped: [SkippedKey] { self.storage.skipped }

  /// The names of the usable keys that have one.
  public var keyIDs: [KeyID] { self.storage.keys.compactMap(\.id) }

  /// The one key that may verify a token with this header. An unknown `kid` never falls back to
  /// another key; without a `kid` exactly one key of the set must fit (catalogue K09).
  package func key(
    for id: KeyID?,
    algorithm: Algorithm
  ) throws(JWSProblem) -> VerificationKey {
    guard let id else {
      guard let key = self.storage.onlyKey[algorithm.ordinal] else { throw .keyUnknown }
      return key
    }
    guard let key = self.storage.keysByID[id] else { throw .keyUnknown }
    guard key.algorithms.contains(algorithm) else { throw .algorithmForbidden }
    return key
  }
}

extension KeySet {
  private enum Shape { case key, set }

  private init(
    reading bytes: [UInt8],
    as shape: Shape?,
    trust: Trust,
    revoked: Set<KeyID>
  ) throws(KeySetProblem) {
    guard bytes.count <= Self.maximumLength else { throw .tooLarge }
    let document: JSONDocument
    do {
      document = try JSONDocument(bytes, limits: .keySet)
    } catch {
      throw .malformed
    }
    let root = document.root
    guard document.kind(of: root) == .object else { throw .malformed }

    let list = document.member("keys", of: root)
    let isKey = document.member("kty", of: root) != nil
    var elements: [JSONDocument.Node] = []
    switch (shape, list) {
    // A document that could be read both ways is read neither way.
    case (nil, .some) where isKey: throw .malformed
    case (.set, let list?), (nil, let list?):
      guard document.kind(of: list) == .array else { throw .malformed }
      document.forEachElement(of: list) { elements.append($0) }
    case (.key, _), (nil, nil):
      guard isKey else { throw .malformed }
      elements = [root]
    case (.set, nil): throw .malformed
    }
    guard elements.count <= Self.maximumKeyCount else { throw .tooManyKeys }

    try KeySetRules.check(elements, in: document, trust: trust)

    var keys: [VerificationKey] = []
    var skipped: [SkippedKey] = []
    var budget = ModulusBudget()
    for (index, element) in elements.enumerated() {
      do throws(KeyProblem) {
        // A set from before the revocation, replayed by a cache, brings the key back (catalogue J10).
        if !revoked.isEmpty, let id = KeySetRules.keyID(of: element, in: document),
          revoked.contains(id)
        {
          throw .revoked
        }
        keys.append(try VerificationKey(jwk: element, in: document, budget: &budget))
      } catch {
        let id = KeySetRules.keyID(of: element, in: document)
        skipped.append(SkippedKey(index: index, id: id, problem: error))
      }
    }
    guard !keys.isEmpty else { throw .noUsableKeys(skipped) }
    self.storage = Storage(keys: keys, skipped: skipped)
  }

  private final class Storage: Sendable {
    private static let generations = Atomic<UInt64>(0)

    let generation: UInt64
    let keys: [VerificationKey]
    let skipped: [SkippedKey]
    let keysByID: [KeyID: VerificationKey]
    /// By algorithm: the key that fits it, if there is exactly one.
    let onlyKey: [VerificationKey?]

    init(keys: [VerificationKey], skipped: [SkippedKey]) {
      self.generation = Self.generations.wrappingAdd(1, ordering: .relaxed).newValue
      self.keys = keys
      self.skipped = skipped
      var keysByID: [KeyID: VerificationKey] = [:]
      for key in keys {
        if let id = key.id { keysByID[id] = key }
      }
      self.keysByID = keysByID
      var onlyKey = [VerificationKey?](repeating: nil, count: Algorithm.allCases.count)
      for algorithm in Algorithm.allCases {
        let fitting = keys.filter { $0.algorithms.contains(algorithm) }
        if fitting.count == 1 { onlyKey[algorithm.ordinal] = fitting[0] }
      }
      self.onlyKey = onlyKey
    }
  }
}

extension KeySet: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Counts only: a set may hold secrets.
  public var description: String {
    "<key set \(self.generation): \(self.keyCount) keys, \(self.skipped.count) skipped>"
  }

  /// Counts only: a set may hold secrets.
  public var debugDescription: String { self.description }

  /// Nothing: a mirror would walk down to the secrets (catalogue L08).
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
