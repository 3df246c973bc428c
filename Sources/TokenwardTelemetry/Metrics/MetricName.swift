// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The names of Tokenward's metrics. Dashboards and alerts are built on them: a name is never reused
/// with another meaning.
package enum MetricName {
  package static let decisions = "tokenward_decisions_total"
  package static let decisionSeconds = "tokenward_decision_seconds"
  package static let tokenCache = "tokenward_token_cache_total"
  package static let streamsOpen = "tokenward_streams_open"
  package static let streamsEnded = "tokenward_streams_ended_total"
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
    (auditRecords, "Audit records written."),
    (auditDropped, "Audit records lost because the queue was full or the file not writable."),
    (metricsDropped, "Metrics that were not registered for want of room or of a usable name."),
    (buildInfo, "The version that runs; always 1."),
  ]

  /// What a label says where there is nothing to say.
  package static let none = "none"
}
