// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The names of Tokenward's metrics. Dashboards and alerts are built on them: a name is never reused
/// with another meaning.
package enum MetricName {
  package static let decisions = "tokenward_decisions_total"
  package static let decisionSeconds = "tokenward_decision_seconds"
  package static let tokenCache = "tokenward_token_cache_total"
  package static let streamsOpen = "tokenward_streams_open"
  package static let streamsEnded = "tokenward_streams_ended_total"
  package static let keyFetches = "tokenward_jwks_fetches_total"
  package static let keysLastSuccess = "tokenward_jwks_last_success_timestamp_seconds"
  package static let keysUsable = "tokenward_jwks_usable"
  package static let keys = "tokenward_jwks_keys"
  package static let auditRecords = "tokenward_audit_records_total"
  package static let auditDropped = "tokenward_audit_dropped_total"
  package static let metricsDropped = "tokenward_metrics_dropped_total"
  package static let buildInfo = "tokenward_build_info"

  /// One sentence for each.
  package static let helps = [
    (decisions, "Decisions about calls, by front door, outcome, reason of denial and issuer."),
    (decisionSeconds, "How long a decision took, in seconds."),
    (tokenCache, "Look-ups in the cache of verified tokens, by result."),
    (streamsOpen, "Guarded streams that are open."),
    (streamsEnded, "Guarded streams that have ended, by reason."),
    (keyFetches, "How often an issuer was asked for its keys, by result."),
    (keysLastSuccess, "When an issuer's keys were last confirmed, in Unix seconds."),
    (keysUsable, "Whether an issuer's tokens can be verified at present, 1 or 0."),
    (keys, "Usable keys in an issuer's last good set."),
    (auditRecords, "Audit records written."),
    (auditDropped, "Audit records lost because the queue was full or the file not writable."),
    (metricsDropped, "Metrics that were not registered for want of room or of a usable name."),
    (buildInfo, "The version that runs; always 1."),
  ]

  /// What a label says where there is nothing to say.
  package static let none = "none"
}
