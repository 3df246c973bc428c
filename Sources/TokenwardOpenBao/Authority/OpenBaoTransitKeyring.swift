// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardAuthority
public import TokenwardCore

/// Signing keys in the transit engine of OpenBao. They are made there and never leave it: not
/// exportable, without plaintext backups, not deletable unless somebody allows that first.
///
/// Each signing key is a key of its own there, named by the prefix, the algorithm and a random number;
/// the engine's own rotation is not used, and version 1 is asked for by number. Nothing is remembered
/// that would sign without OpenBao, and every signature is verified under the public key of the record
/// before it is handed out: what another key made, or no key, does not become a token (catalogue O18).
public struct OpenBaoTransitKeyring: SigningKeyring {
  /// Signatures that are asked for at once; further ones wait for their turn.
  public static let mostRequests = 64
  /// Signatures that wait for their turn; further ones are refused.
  public static let mostWaiting = 4_096

  private let asking: TransitAsking
  private let mount: String
  private let prefix: String

  init(
    _ openBao: OpenBao,
    mount: String,
    prefix: String,
    limit: RequestLimit
  ) throws(ConfigurationError) {
    var problems: [ConfigurationError.Problem] = []
    if !OpenBaoName.isPath(mount) {
      problems.append(
        .init(path: "mount", problem: "is not the path of an engine", hint: OpenBaoName.grammar)
      )
    }
    if !Self.isPrefix(prefix) {
      problems.append(
        .init(
          path: "prefix",
          problem: "cannot begin the name of a key",
          hint: "1 to 64 letters, digits, and . _ - that do not begin with a full stop"
        )
      )
    }
    guard problems.isEmpty else { throw ConfigurationError(problems) }
    self.asking = TransitAsking(session: openBao.session, limit: limit)
    self.mount = mount
    self.prefix = prefix
  }

  /// Makes a key in OpenBao, and signs once with it: a key that must not sign is found now and not
  /// when it is needed.
  /// - Throws: `SigningError`; a key may be left behind in OpenBao that nobody uses.
  public func makeKey(
    _ algorithm: Algorithm,
    at now: UnixTime
  ) async throws(SigningError) -> SigningKeyRecord {
    guard TransitKey.type(of: algorithm) != nil else {
      throw SigningError(
        "OpenBao makes keys for ES256 and EdDSA here, not for \(algorithm.rawValue)"
      )
    }
    let key = TransitKey(mount: self.mount, name: self.newName(algorithm), algorithm: algorithm)
    try await self.asking.ask(key) { (requests, token) async throws(OpenBaoFailure) in
      try await requests.make(key, token: token)
    }
    let publicKey = try await self.asking.ask(key) {
      (requests, token) async throws(OpenBaoFailure) -> SigningPublicKey in
      try await requests.publicKey(of: key, token: token)
    }
    let signer = TransitSigner(asking: self.asking, key: key, publicKey: publicKey)
    // Without a full stop in it, this is no signing input of a token (RFC 7515 §5.1).
    _ = try await signer.sign(Array("does this key sign".utf8))
    return SigningKeyRecord(
      id: publicKey.id,
      algorithm: algorithm,
      publicJWK: publicKey.jwk,
      material: .transit(name: key.name, version: TransitKey.version),
      createdAt: now
    )
  }

  /// The signer of a key. OpenBao is asked with each signature, not here.
  /// - Throws: `SigningError` if the record is not that of a key which this has made.
  public func signer(of key: SigningKeyRecord) async throws(SigningError) -> any TokenSigner {
    guard case .transit(let name, let version) = key.material else {
      throw SigningError("key \(key.id) is not in OpenBao")
    }
    // Whoever can write to the store could else have any key of the engine sign.
    guard version == TransitKey.version, OpenBaoName.isPath(name),
      !name.utf8.contains(UInt8(ascii: "/")), name.utf8.starts(with: self.prefix.utf8)
    else {
      throw SigningError("key \(key.id) has a name or version that no key of this keyring has")
    }
    guard let publicKey = SigningPublicKey(key) else {
      throw SigningError("the record of key \(key.id) is not what was written")
    }
    return TransitSigner(
      asking: self.asking,
      key: TransitKey(mount: self.mount, name: name, algorithm: key.algorithm),
      publicKey: publicKey
    )
  }

  private func newName(_ algorithm: Algorithm) -> String {
    let random = (0 ..< 16).map { _ in UInt8.random(in: .min ... .max) }
    let digits = random.map { byte in
      let text = String(byte, radix: 16)
      return byte < 16 ? "0\(text)" : text
    }
    return self.prefix + (algorithm == .es256 ? "es256-" : "eddsa-") + digits.joined()
  }

  private static func isPrefix(_ text: String) -> Bool {
    OpenBaoName.isPath(text) && text.utf8.count <= 64 && !text.utf8.contains(UInt8(ascii: "/"))
      && text.utf8.first != UInt8(ascii: ".")
  }
}

extension OpenBaoTransitKeyring: CustomStringConvertible {
  /// Where the keys are.
  public var description: String { "<signing keys \(self.prefix)* of \(self.mount)>" }
}

extension OpenBao {
  /// Signing keys in a transit engine.
  /// - Parameters:
  ///   - mount: where the engine is.
  ///   - prefix: with what the names of the keys begin. The policy of the login allows these.
  /// - Throws: what is wrong with the names. Nobody is asked yet.
  public func keyring(
    mount: String = "transit",
    prefix: String = "tokenward-"
  ) throws(ConfigurationError) -> OpenBaoTransitKeyring {
    try OpenBaoTransitKeyring(
      self,
      mount: mount,
      prefix: prefix,
      limit: RequestLimit(
        running: OpenBaoTransitKeyring.mostRequests,
        waiting: OpenBaoTransitKeyring.mostWaiting
      )
    )
  }
}
