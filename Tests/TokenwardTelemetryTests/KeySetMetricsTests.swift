// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Synchronization
import Testing
import TokenwardCore
import TokenwardTelemetry

@Suite("Metrics of key sets")
struct KeySetMetricsTests {
  @Test("attempts are counted once each, by issuer and result; the state is what it is now")
  func collection() {
    let registry = PrometheusRegistry()
    let statuses = Mutex([KeySetStatus("https://a.test"), KeySetStatus("https://b.test")])
    let metrics = KeySetMetrics(factory: registry) { statuses.withLock { $0 } }
    func page() -> String {
      metrics.collect()
      return String(decoding: registry.render(), as: UTF8.self)
    }
    #expect(page().contains("tokenward_jwks_usable{issuer=\"https://a.test\"} 0\n"))
    #expect(!page().contains("tokenward_jwks_fetches_total{"))
    statuses.withLock { statuses in
      statuses[0].attempts = [nil: 2, .tlsFailed: 1]
      statuses[0].isUsable = true
      statuses[0].keyCount = 3
      statuses[0].lastSuccess = UnixTime(seconds: 1_800_000_000)
    }
    for _ in 0 ..< 3 {
      let text = page()
      let fetches = "tokenward_jwks_fetches_total{issuer=\"https://a.test\",result="
      #expect(text.contains("\(fetches)\"success\"} 2\n"))
      #expect(text.contains("\(fetches)\"tls_failed\"} 1\n"))
      #expect(text.contains("tokenward_jwks_usable{issuer=\"https://a.test\"} 1\n"))
      #expect(text.contains("tokenward_jwks_usable{issuer=\"https://b.test\"} 0\n"))
      #expect(text.contains("tokenward_jwks_keys{issuer=\"https://a.test\"} 3\n"))
      let success = "tokenward_jwks_last_success_timestamp_seconds{issuer=\"https://a.test\"}"
      #expect(text.contains("\(success) 1800000000"))
      #expect(!text.contains("last_success_timestamp_seconds{issuer=\"https://b.test\"}"))
    }
    statuses.withLock { $0[0].attempts[.tlsFailed] = 4 }
    #expect(page().contains("result=\"tls_failed\"} 4\n"))
  }
}
