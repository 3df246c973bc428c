// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardAuthority
public import TokenwardCore

extension Configuration {
  /// The token authority of this process, as the section `authority` describes it. Nothing of it is
  /// open yet.
  public struct Authority: Sendable {
    /// Issuer, audience, limits and default algorithm.
    public let domain: AuthorityConfiguration
    /// What access tokens can be signed with, the default first.
    public let algorithms: [Algorithm]
    /// How long signing keys are published, sign, and stay published.
    public let schedule: KeySchedule
    /// Who makes and keeps signing keys.
    public let keys: Keys
    /// Where records are kept.
    public let store: Store
    /// Where the peppers and the keys that signing keys are sealed with are kept.
    public let secrets: Secrets
    /// A folder that is made on the first start, for this process alone; nil if every place was named.
    public let directory: String?
    /// The file of the audit chain.
    public let auditFile: String
    /// The file that the administrator's token is written to on the first start.
    public let tokenFile: String
    /// Where gRPC is served.
    public let grpc: Server
    /// Where HTTP is served; nil if it is not.
    public let http: Server?
    /// How many connections one address may have to each of the two.
    public let connectionsPerAddress: Int

    /// Where records are kept.
    public enum Store: Sendable, Hashable {
      /// In a SQLite database at this path.
      case sqlite(String)
      /// In memory: everything ends with the process.
      case memory(because: String)
    }

    /// Where secrets are kept.
    public enum Secrets: Sendable, Hashable {
      /// In a file that only its owner can read.
      case file(String)
      /// In a KV engine of version 2.
      case openBao(mount: String, path: String, field: String)
    }

    /// Who makes and keeps signing keys.
    public enum Keys: Sendable, Hashable {
      /// This process; they lie in the store, sealed.
      case local
      /// OpenBao's transit engine, which they never leave.
      case transit(mount: String, prefix: String)
    }
  }
}
