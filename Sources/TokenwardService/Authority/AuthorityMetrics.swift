// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import CoreMetrics
internal import TokenwardAuthority
internal import TokenwardCore
internal import TokenwardOpenBao
internal import TokenwardTelemetry

/// The names of an authority's metrics: an interface, as all of them.
enum AuthorityMetricName {
  static let tokens = "tokenward_tokens"
  static let keyAge = "tokenward_signing_key_age_seconds"
  static let operations = "tokenward_authority_operations_total"
  static let refusedTokens = "tokenward_authority_refused_tokens_total"
  static let auditFailures = "tokenward_authority_audit_failures_total"
  static let storeFailures = "tokenward_authority_store_failures"
  static let storeBroken = "tokenward_authority_store_broken"
  static let pendingWithdrawals = "tokenward_authority_pending_withdrawals"
  static let repeatedWithdrawals = "tokenward_authority_repeated_withdrawals"
  static let limitedExchanges = "tokenward_authority_limited_exchanges"
  static let unwrittenRefusals = "tokenward_authority_unwritten_refusals"
  static let withdrawn = "tokenward_authority_withdrawn_access_tokens"
  static let pendingUses = "tokenward_authority_pending_uses"
  static let doubts = "tokenward_authority_records_in_doubt"
  static let clock = "tokenward_authority_clock"
  static let openBaoFailing = "tokenward_openbao_failing"
  static let openBaoLogin = "tokenward_openbao_login_expires_timestamp_seconds"

  /// One sentence for each.
  static let helps = [
    (tokens, "API tokens by what they are worth, counted about once a minute."),
    (keyAge, "How long ago a signing key was made, in seconds, by algorithm and state."),
    (
      operations,
      "What was done to the authority, by action and outcome, as it stands in the audit."
    ),
    (auditFailures, "Audit records that could not be written; nothing is issued meanwhile."),
    (
      storeFailures, "Questions and changes that the store could not answer or do, since the start."
    ),
    (
      storeBroken,
      "Whether the store has not made a write durable, 1 or 0; nothing is issued until a restart."
    ),
    (
      pendingWithdrawals,
      "Withdrawals that hold in this process and are not in the store yet; a crash forgets them."
    ),
    (repeatedWithdrawals, "Tokens that were taken back again, since the start."),
    (
      limitedExchanges, "Exchanges refused because of the rate of their API token, since the start."
    ),
    (
      unwrittenRefusals,
      "Refusals that are not in the audit because there were too many of one token, since the start."
    ),
    (withdrawn, "Access tokens that were taken back and have not expired."),
    (pendingUses, "Uses of tokens that the store was not told of yet."),
    (doubts, "Records of which is not known what the store has; their tokens may be refused."),
    (clock, "Whether the clock is in this state, 1 or 0; nothing is issued unless it is good."),
    (openBaoFailing, "Whether the last request to OpenBao failed, 1 or 0."),
    (openBaoLogin, "Until when the login at OpenBao is valid, in Unix seconds; 0 without one."),
  ]
}

/// Brings the state of an authority into metrics, before each scrape.
struct AuthorityMetrics: Sendable {
  private let authority: TokenAuthority
  private let factory: any MetricsFactory

  init(_ authority: TokenAuthority, registry: PrometheusRegistry) {
    self.authority = authority
    self.factory = registry
    for (name, help) in AuthorityMetricName.helps { registry.describe(name, help) }
  }

  func collect() {
    let status = self.authority.status()
    self.record(AuthorityMetricName.withdrawn, Double(status.withdrawnAccessTokens))
    self.record(AuthorityMetricName.pendingUses, Double(status.pendingUses))
    self.record(AuthorityMetricName.doubts, Double(status.doubts))
    self.record(AuthorityMetricName.storeFailures, Double(status.storeFailures))
    self.record(AuthorityMetricName.storeBroken, status.isStoreBroken ? 1 : 0)
    self.record(AuthorityMetricName.pendingWithdrawals, Double(status.pendingWithdrawals))
    self.record(AuthorityMetricName.repeatedWithdrawals, Double(status.repeatedWithdrawals))
    self.record(AuthorityMetricName.limitedExchanges, Double(status.limitedExchanges))
    self.record(AuthorityMetricName.unwrittenRefusals, Double(status.unwrittenRefusals))
    for state in ClockWatch.State.allCases {
      self.record(
        AuthorityMetricName.clock,
        state == status.clock ? 1 : 0,
        [("state", state.rawValue)]
      )
    }
    // Of several retired keys the oldest is shown: identifiers of keys would be labels without end.
    var ages: [String: (labels: [(String, String)], age: Int64)] = [:]
    for key in status.keys {
      let labels = [("algorithm", key.algorithm.rawValue), ("state", key.state.rawValue)]
      let name = "\(key.algorithm.rawValue) \(key.state.rawValue)"
      ages[name] = (labels, max(ages[name]?.age ?? 0, key.ageSeconds))
    }
    for (labels, age) in ages.values {
      self.record(AuthorityMetricName.keyAge, Double(age), labels)
    }
  }

  /// How many tokens are worth what.
  func record(_ counts: [TokenStatus.State: Int]) {
    for state in TokenStatus.State.allCases {
      self.record(
        AuthorityMetricName.tokens,
        Double(counts[state] ?? 0),
        [("state", state.rawValue)]
      )
    }
  }

  private func record(_ name: String, _ value: Double, _ labels: [(String, String)] = []) {
    Gauge(label: name, dimensions: labels, factory: self.factory).record(value)
  }
}

/// Brings the state of a login to OpenBao into metrics, before each scrape.
struct OpenBaoMetrics: Sendable {
  private let openBao: OpenBao
  private let failing: Gauge
  private let login: Gauge

  init(_ openBao: OpenBao, factory: any MetricsFactory) {
    self.openBao = openBao
    self.failing = Gauge(label: AuthorityMetricName.openBaoFailing, factory: factory)
    self.login = Gauge(label: AuthorityMetricName.openBaoLogin, factory: factory)
  }

  func collect() {
    let status = self.openBao.status
    self.failing.record(status.isFailing ? 1 : 0)
    self.login.record(Double(status.authenticatedUntil?.seconds ?? 0))
  }
}
