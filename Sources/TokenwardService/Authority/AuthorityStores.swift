// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Logging
internal import TokenwardAuthority
internal import TokenwardCore
internal import TokenwardOpenBao
internal import TokenwardSQLite

/// Chooses the backends that the configuration names.
enum AuthorityStores {
  /// - Parameter acceptsRestored: takes a database that was put back although it is older than what
  ///   was acknowledged.
  static func store(
    _ store: Configuration.Authority.Store,
    acceptsRestored: Bool,
    logger: Logger
  ) throws(AuthorityStartError) -> any TokenStore {
    switch store {
    case .memory(let reason):
      logger.warning(
        "tokens are kept in memory only and end with this process",
        metadata: ["because": "\(reason)"]
      )
      return InMemoryTokenStore()
    case .sqlite(let path):
      do {
        if acceptsRestored {
          try SQLiteTokenStore.acceptRestored(path: path)
          logger.warning(
            "a restored database is taken: what was revoked since it was copied works again",
            metadata: ["file": "\(path)"]
          )
        }
        return try SQLiteTokenStore(path: path)
      } catch {
        throw AuthorityStartError(
          "the store \(ConfigurationError.shown(error.path)): \(error.problem)",
          hint: error.kind == .rolledBack
            ? "put the newest one back, together with its -wal file; if this one is meant, start once"
              + " with --accept-restored"
            : error.hint
        )
      }
    }
  }

  static func keeper(
    _ secrets: Configuration.Authority.Secrets,
    vault: OpenBao?
  ) throws(ConfigurationError) -> any SecretKeeper {
    switch secrets {
    case .file(let path): return try FileSecretKeeper(path: path)
    case .openBao(let mount, let path, let field):
      guard let vault else { throw Self.noVault("authority.secrets.openbao") }
      return try vault.keeper(mount: mount, path: path, field: field)
    }
  }

  static func keyring(
    _ keys: Configuration.Authority.Keys,
    secrets: AuthoritySecrets,
    vault: OpenBao?
  ) throws(ConfigurationError) -> any SigningKeyring {
    switch keys {
    case .local: return LocalSigningKeyring(secrets: secrets)
    case .transit(let mount, let prefix):
      guard let vault else { throw Self.noVault("authority.signing.keys.openbao") }
      return try vault.keyring(mount: mount, prefix: prefix)
    }
  }

  private static func noVault(_ path: String) -> ConfigurationError {
    ConfigurationError(
      path: path,
      problem: "needs the section openbao",
      hint: "say in openbao where it is and how to log in"
    )
  }
}
