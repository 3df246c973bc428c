// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Makes calls one after the other and compares what comes back with what is expected.
struct DemoRun {
  let client: DemoClient
  let report: DemoReport
  /// Where the audit file of the server is.
  let directory: String

  /// - Returns: whether everything was as expected.
  func make(_ calls: [() async throws -> DemoCall]) async throws -> Bool {
    var results: [DemoResult] = []
    self.report.begin()
    for makeCall in calls {
      let call = try await makeCall()
      var audit = AuditTail(path: "\(self.directory)/audit.jsonl")
      let start = ContinuousClock.now
      let outcome = try await self.client.make(call)
      let elapsed = ContinuousClock.now - start
      let result = DemoResult(
        call: call,
        received: outcome.answer,
        audit: audit == nil ? nil : (try await audit?.next() ?? "no record"),
        complaint: outcome.complaint,
        milliseconds: elapsed.components.seconds * 1_000
          + elapsed.components.attoseconds / 1_000_000_000_000_000
      )
      self.report.show(result)
      results.append(result)
    }
    self.report.end(results)
    return results.allSatisfy(\.isAsExpected)
  }
}
