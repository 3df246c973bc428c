// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore
public import TokenwardOpenBao
public import TokenwardRemote

/// What one YAML file says. Every field is described in `Docs/configuration.md`.
///
/// ```swift
/// let configuration = try Configuration(contentsOf: "/etc/tokenward/config.yaml")
/// let requestGuard = try configuration.makeGuard()
/// ```
///
/// Reading fails closed: unknown keys, keys given twice, empty lists, ambiguous rules and secrets in
/// the file are errors, and all of them are reported together.
public struct Configuration: Sendable {
  /// Longest accepted file, in bytes.
  public static let maximumLength = 1 << 20

  /// The trusted issuers; empty if the file has no section `issuers`.
  public let issuers: [TrustedIssuer]
  /// The rules; nil if the file has no section `policy`.
  public let policy: MethodPolicy?
  /// Where metrics and health are served; nil if the file has no section `admin`.
  public var admin: Admin?
  /// Where decisions are recorded; nil if the file has no section `audit`.
  public let audit: Audit?
  /// Where calls are served; nil if the file has no section `server`.
  public let server: Server?
  /// The key sets of issuers that have to be kept up to date: services, to be run with the others.
  public let keySets: [RemoteKeySet]
  /// Verifies opaque tokens by asking their issuer; nil if the file has no section `introspection`.
  public let introspection: IntrospectionVerifier?
  /// Where secrets are kept, a service to be run with the others; nil if the file has no section
  /// `openbao`.
  public let openBao: OpenBao?
  /// The token authority of this process; nil if the file has no section `authority`.
  public let authority: Authority?
  /// How the guard of this process verifies tokens of that authority; nil if it does not trust it.
  let trust: AuthorityTrust?
  /// Whether it accepts API tokens, beside access tokens.
  let acceptsAPITokens: Bool
  /// What is not wrong but worth knowing, such as keys of a set that are not used.
  public let notices: [String]

  /// The listener of metrics and health.
  public struct Admin: Sendable, Hashable {
    /// Where it listens.
    public let listen: ListenAddress
    /// Why it may be reached from other machines; nil if it may not.
    public let allowRemoteBecause: String?
    /// How long `/readyz` waits for the keys of every issuer before it answers 200 without them.
    public let readyGrace: Duration

    /// - Parameters:
    ///   - listen: where it listens.
    ///   - allowRemoteBecause: why other machines may reach it; nil where they cannot.
    ///   - readyGrace: how long `/readyz` waits for the keys of every issuer.
    public init(
      listen: ListenAddress,
      allowRemoteBecause: String? = nil,
      readyGrace: Duration = .seconds(30)
    ) {
      self.listen = listen
      self.allowRemoteBecause = allowRemoteBecause
      self.readyGrace = readyGrace
    }
  }

  /// The record of decisions.
  public struct Audit: Sendable, Hashable {
    /// The path of the file.
    public let file: String
  }

  /// The listener of calls.
  public struct Server: Sendable, Hashable {
    /// Where it listens.
    public let listen: ListenAddress
    /// How calls are protected on their way.
    public let transport: Transport

    /// How calls are protected on their way.
    public enum Transport: Sendable, Hashable {
      /// With TLS.
      case tls(TLS)
      /// Not at all; anyone on the way reads the tokens.
      case plaintext(because: String)
    }

    /// The files of TLS, all of them PEM.
    public struct TLS: Sendable, Hashable {
      /// The path of the certificate chain.
      public let certificate: String
      /// The path of the private key.
      public let key: String
      /// The path of the authorities whose client certificates are required; nil if none are.
      public let clientCA: String?
    }
  }

  /// Reads a file. Relative paths in it are relative to its folder.
  /// - Parameters:
  ///   - path: the file.
  ///   - time: the clocks by which fetched keys grow old.
  /// - Throws: ``TokenwardCore/ConfigurationError`` with every problem.
  public init(
    contentsOf path: String,
    time: any TimeSource = SystemTime()
  ) throws(ConfigurationError) {
    let bytes: [UInt8]
    do {
      bytes = try ReadableFile.read(path, limit: Self.maximumLength, privacy: .publicContent)
    } catch {
      throw .file("\(ConfigurationError.shown(path)) \(error.problem)", error.hint)
    }
    let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? "./"
    try self.init(yaml: bytes, folder: folder, time: time)
  }

  private static let sections = [
    "issuers", "introspection", "policy", "admin", "audit", "server", "openbao", "authority",
  ]

  /// Reads YAML.
  /// - Parameters:
  ///   - yaml: the text, at most ``maximumLength`` bytes of UTF-8.
  ///   - folder: what relative paths are relative to; ends in a slash.
  ///   - time: the clocks by which fetched keys grow old.
  /// - Throws: ``TokenwardCore/ConfigurationError`` with every problem.
  public init(
    yaml: [UInt8],
    folder: String,
    time: any TimeSource = SystemTime()
  ) throws(ConfigurationError) {
    guard yaml.count <= Self.maximumLength else {
      throw .file("longer than \(Self.maximumLength) bytes", "name the right file")
    }
    let node = try ConfigurationNode(yaml: yaml)
    let report = ProblemReport()
    let root = ConfigurationField(path: "", line: node.line, node: node, report: report)
    let decoder = ConfigurationDecoder(folder: folder, report: report, time: time)
    guard let section = root.section(Self.sections) else {
      throw ConfigurationError(report.problems)
    }
    let vault = section["openbao"].flatMap(decoder.openBao)
    self.openBao = vault
    self.introspection = section["introspection"].flatMap { field in
      decoder.introspection(field, vault: vault)
    }
    decoder.hasAuthority = section["authority"] != nil
    decoder.authority = section["authority"].flatMap {
      decoder.authority($0, hasVault: section["openbao"] != nil)
    }
    self.authority = decoder.authority
    self.issuers = section["issuers"].map(decoder.issuers) ?? []
    self.trust = decoder.trust
    self.acceptsAPITokens = decoder.acceptsAPITokens
    self.policy = section["policy"].flatMap(decoder.policy)
    self.admin = section["admin"].flatMap(decoder.admin)
    self.audit = section["audit"].flatMap(decoder.audit)
    self.server = section["server"].flatMap(decoder.server)
    self.notices = decoder.notices
    self.keySets = decoder.keySets
    guard report.problems.isEmpty else { throw ConfigurationError(report.problems) }
  }
}

extension Configuration {
  /// The verifier of the configured issuers.
  /// - Throws: ``TokenwardCore/ConfigurationError`` if there are none.
  public func makeVerifier() throws(ConfigurationError) -> JWTVerifier {
    guard !self.issuers.isEmpty else {
      throw Self.missing("issuers", "list each issuer whose tokens are accepted")
    }
    return try JWTVerifier(issuers: self.issuers)
  }

  /// The names of everybody whose tokens are accepted, each once.
  var issuerNames: [Issuer] {
    var names = self.issuers.map(\.issuer)
    if let name = self.introspection?.issuerName, !names.contains(name) { names.append(name) }
    return names
  }

  /// What turns tokens into principals: JWTs by their issuers' keys, and opaque tokens by asking
  /// their issuer if the file says whom. Without `issuers` that one is asked about every token.
  /// - Parameter jwt: the verifier of JWTs, where the caller needs it too; made here unless given.
  /// - Throws: ``TokenwardCore/ConfigurationError`` if there is neither.
  public func makeTokenVerifier(
    jwt: JWTVerifier? = nil
  ) throws(ConfigurationError) -> any TokenVerifier {
    guard let opaque = self.opaqueVerifier else {
      if let jwt { return jwt }
      return try self.makeVerifier()
    }
    guard !self.issuers.isEmpty else { return opaque }
    let verifier = if let jwt { jwt } else { try self.makeVerifier() }
    return TokenVerifiers(jwt: verifier, opaque: opaque)
  }

  /// What turns opaque tokens into principals; nil if none are accepted.
  private var opaqueVerifier: (any TokenVerifier)? {
    guard self.acceptsAPITokens, let trust else { return self.introspection }
    guard let introspection else { return trust }
    return OpaqueTokenVerifiers(own: trust, other: introspection)
  }

  /// The rules.
  /// - Throws: ``TokenwardCore/ConfigurationError`` if there are none.
  public func makePolicy() throws(ConfigurationError) -> MethodPolicy {
    guard let policy else {
      throw Self.missing("policy", "add a rule for each method that may be called")
    }
    return policy
  }

  /// The guard of the configured issuers and rules.
  /// - Parameters:
  ///   - verifier: the verifier, where the caller needs it too; made here unless given.
  ///   - time: the clocks.
  ///   - observers: told about every decision.
  /// - Throws: ``TokenwardCore/ConfigurationError`` if there are no issuers or no rules.
  public func makeGuard(
    verifier: JWTVerifier? = nil,
    time: any TimeSource = SystemTime(),
    observers: [any DecisionObserver] = []
  ) throws(ConfigurationError) -> RequestGuard {
    let policy = try self.makePolicy()
    return RequestGuard(
      policy: policy,
      verifier: try self.makeTokenVerifier(jwt: verifier),
      revocation: self.trust,
      time: time,
      observers: observers
    )
  }

  private static func missing(_ section: String, _ hint: String) -> ConfigurationError {
    ConfigurationError([.init(path: section, problem: "is missing", hint: hint)])
  }
}
