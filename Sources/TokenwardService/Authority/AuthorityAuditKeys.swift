// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardAuthority
public import TokenwardCore

/// The keys of an authority's audit chain, for checking it without running the authority.
public enum AuthorityAuditKeys {
  /// Reads the secrets where the configuration says they are, and derives the keys. Changes nothing.
  /// - Parameters:
  ///   - configuration: what the file says; it must have a section `authority`.
  ///   - time: the clocks.
  /// - Returns: the keys, the one of new records first.
  /// - Throws: `ConfigurationError` or ``AuthorityStartError``.
  public static func read(
    _ configuration: Configuration,
    time: any TimeSource = SystemTime()
  ) async throws -> [Pepper] {
    guard let settings = configuration.authority else {
      throw ConfigurationError([
        .init(
          path: "authority",
          problem: "is missing",
          hint: "name the configuration that the authority runs with"
        )
      ])
    }
    let keeper = try AuthorityStores.keeper(settings.secrets, vault: configuration.openBao)
    do throws(SecretError) {
      // Never a first start: nothing is made here.
      return try await AuthoritySecrets.load(
        from: keeper,
        isFirstStart: false,
        at: time.now()?.unix ?? UnixTime(seconds: 0)
      ).auditKeys
    } catch {
      throw AuthorityStartError(error.problem, hint: error.hint)
    }
  }
}
