// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import CoreMetrics
internal import Logging
internal import Synchronization
internal import TokenwardAuthority
internal import TokenwardCore
internal import TokenwardOpenBao
internal import TokenwardSQLite
internal import TokenwardTelemetry

/// The opened parts of an authority.
struct AuthorityParts: Sendable {
  let authority: TokenAuthority
  let store: any TokenStore
  let audit: ObservedAuditTrail
  private let file: ChainedAuditFile

  /// Opens store, secrets and audit, and starts the authority on them.
  static func open(
    _ settings: Configuration.Authority,
    vault: OpenBao?,
    options: AuthorityService.Options,
    time: any TimeSource,
    registry: PrometheusRegistry,
    logger: Logger
  ) async throws -> AuthorityParts {
    if let directory = settings.directory { try AuthorityFolder.prepare(directory) }
    guard let now = time.now()?.unix else {
      throw AuthorityStartError(
        "the clock cannot be read or is implausible",
        hint: "set the clock of this machine"
      )
    }
    let store = try AuthorityStores.store(
      settings.store,
      acceptsRestored: options.acceptsRestored,
      logger: logger
    )
    let records = try await Self.survey(store)
    let secrets = try await Self.secrets(settings, vault, records, options, at: now)
    let history: AuditHistory =
      records.isEmpty ? .unknown : options.acceptsLostAudit ? .lost : .begun
    let file = try Self.auditFile(settings.auditFile, secrets, history, time: time)
    do {
      let audit = ObservedAuditTrail(file, factory: registry, time: time)
      if options.rotatesPepper { try await Self.record(rotationOf: secrets, in: audit, at: now) }
      try await Self.record(acceptances: options, settings.store, in: audit, at: now)
      let keys = try SigningKeys(
        store: store,
        keyring: try AuthorityStores.keyring(settings.keys, secrets: secrets, vault: vault),
        schedule: settings.schedule,
        algorithms: settings.algorithms,
        time: time,
        report: { logger.error("signing keys", metadata: ["problem": "\($0)"]) }
      )
      let authority = try TokenAuthority(
        try settings.domain(acceptingRecordsFromFuture: options.acceptsRecordsFromFuture),
        store: store,
        secrets: secrets,
        keys: keys,
        audit: audit,
        time: time
      )
      do throws(AuthorityError) {
        try await authority.start()
      } catch {
        throw AuthorityStartError(
          "the authority cannot start: \(Self.explanation(error))",
          hint: "the lines above in the log say more; nothing was changed"
        )
      }
      return AuthorityParts(authority: authority, store: store, audit: audit, file: file)
    } catch {
      await file.close()
      throw error
    }
  }

  /// What the store has, before anything is made.
  private struct Survey {
    var isEmpty: Bool
    var peppers: Set<UInt32>
  }

  private static func survey(_ store: any TokenStore) async throws -> Survey {
    let peppers = Mutex<Set<UInt32>>([])
    do throws(StoreError) {
      let version = try await store.forEach { stored in
        peppers.withLock { peppers in
          switch stored.record {
          case .token(let record):
            peppers.insert(record.secret.pepper)
            if let previous = record.previous { peppers.insert(previous.secret.pepper) }
          case .receipt(let record): peppers.insert(record.pepper)
          default: break
          }
        }
      }
      return Survey(isEmpty: version.number == 0, peppers: peppers.withLock { $0 })
    } catch {
      switch error {
      case .unavailable(let problem), .corrupted(let problem), .undurable(let problem):
        throw AuthorityStartError(
          "the store cannot be read: \(problem)",
          hint: "look at the file and the disk; Docs/authority.md says how to restore a backup"
        )
      case .conflict:
        throw AuthorityStartError("the store is used by somebody else", hint: "stop the other one")
      }
    }
  }

  private static func secrets(
    _ settings: Configuration.Authority,
    _ vault: OpenBao?,
    _ records: Survey,
    _ options: AuthorityService.Options,
    at now: UnixTime
  ) async throws -> AuthoritySecrets {
    let keeper = try AuthorityStores.keeper(settings.secrets, vault: vault)
    do throws(SecretError) {
      let secrets = try await AuthoritySecrets.load(
        from: keeper,
        isFirstStart: records.isEmpty,
        at: now
      )
      guard options.rotatesPepper else { return secrets }
      return try await AuthoritySecrets.rotatePepper(in: keeper, inUse: records.peppers, at: now)
    } catch {
      throw AuthorityStartError(error.problem, hint: error.hint)
    }
  }

  private static func auditFile(
    _ path: String,
    _ secrets: AuthoritySecrets,
    _ history: AuditHistory,
    time: any TimeSource
  ) throws(AuthorityStartError) -> ChainedAuditFile {
    do {
      return try ChainedAuditFile(
        path: path,
        keys: secrets.auditKeys,
        history: history,
        time: time
      )
    } catch {
      throw AuthorityStartError(
        "the audit file cannot be used: \(error.problem)",
        hint: "without it nothing is issued; `tokenward audit verify --config FILE` says more about"
          + " its content, and --accept-lost-audit begins a new chain where the old one is gone"
      )
    }
  }

  private static func record(
    rotationOf secrets: AuthoritySecrets,
    in audit: ObservedAuditTrail,
    at now: UnixTime
  ) async throws(AuthorityStartError) {
    var event = AuditEvent(.rotatePepper, .allowed, at: now)
    event.target = "\(secrets.current.id)"
    do throws(AuditTrailError) {
      try await audit.record(event)
    } catch {
      throw AuthorityStartError(
        "the pepper was replaced, and that cannot be written into the audit file: \(error.problem)",
        hint: "mend that and start again, without --rotate-pepper"
      )
    }
  }

  /// Who looks for a revocation that is undone finds why, whatever became of the log.
  private static func record(
    acceptances options: AuthorityService.Options,
    _ store: Configuration.Authority.Store,
    in audit: ObservedAuditTrail,
    at now: UnixTime
  ) async throws(AuthorityStartError) {
    var accepted: [(action: AuditEvent.Action, option: String)] = []
    if options.acceptsRestored, case .sqlite = store {
      accepted.append((.acceptRestored, "--accept-restored"))
    }
    if options.acceptsRecordsFromFuture {
      accepted.append((.acceptRecordsFromFuture, "--accept-records-from-future"))
    }
    for (action, option) in accepted {
      do throws(AuditTrailError) {
        try await audit.record(AuditEvent(action, .allowed, at: now))
      } catch {
        throw AuthorityStartError(
          "\(option) cannot be written into the audit file: \(error.problem)",
          hint: "mend that and start again with \(option)"
        )
      }
    }
  }

  /// Makes the first token, if there is none yet.
  /// - Returns: the path of its file, if it was written now.
  func bootstrap(
    _ settings: Configuration.Authority,
    _ options: AuthorityService.Options,
    _ logger: Logger
  ) async throws(AuthorityStartError) -> String? {
    do throws(BootstrapError) {
      let record = try await self.authority.bootstrap(
        into: settings.tokenFile,
        lifetimeSeconds: min(30 * 86_400, settings.domain.limits.maximumTokenLifetimeSeconds),
        isForced: options.makesNewAdministrator
      )
      guard let record else { return nil }
      logger.notice(
        "the administrator's token was written to a file; move it to where it belongs",
        metadata: [
          "file": "\(settings.tokenFile)", "id": "\(record.id.text)",
          "expires": "\(record.expiresAt.rfc3339)",
        ]
      )
      return settings.tokenFile
    } catch {
      switch error {
      case .file(let error):
        throw AuthorityStartError(
          "the administrator's token cannot be written: \(error.problem)",
          hint: "name a file that does not exist, in a folder of this user, in bootstrap.token_file"
        )
      case .authority(let error):
        throw AuthorityStartError(
          "the administrator's token cannot be made: \(Self.explanation(error))",
          hint: "start again when that is mended; it will be made then"
        )
      }
    }
  }

  /// What SIGHUP does to them.
  var hangups: [HangupAction] {
    let file = self.file
    return [HangupAction(name: "audit of the authority") { try await file.reopen() }]
  }

  func close() async {
    await self.file.close()
    if let store = self.store as? SQLiteTokenStore { await store.close() }
  }

  static func explanation(_ error: AuthorityError) -> String {
    switch error {
    case .unavailable(.store): "its store cannot be used"
    case .unavailable(.secrets): "its vault or signer cannot be used"
    case .unavailable(.audit): "its audit file cannot be written"
    case .unavailable(.rate): "it is asked too often"
    case .unavailable(.clock):
      "the clock is behind the newest record, has jumped, or cannot be read; if it was wrong before"
        + " and is right now, start once with --accept-records-from-future"
    case .forbidden(let text), .notFound(let text), .alreadyExists(let text),
      .failedPrecondition(let text):
      text
    case .invalid(let field, let problem): "\(field) \(problem)"
    case .unauthenticated: "it does not accept its own token"
    }
  }
}

extension Configuration.Authority {
  func domain(
    acceptingRecordsFromFuture accepts: Bool
  ) throws(ConfigurationError) -> AuthorityConfiguration {
    try AuthorityConfiguration(
      issuer: self.domain.issuer,
      audience: self.domain.audience,
      limits: self.domain.limits,
      defaultAlgorithm: self.domain.defaultAlgorithm,
      acceptsRecordsFromFuture: accepts
    )
  }
}
