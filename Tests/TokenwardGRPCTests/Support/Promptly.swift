// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Waits for something that may never come, for ten seconds. The time limit of a test ends only what
/// listens to cancellation.
func promptly<Value: Sendable>(
  _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  let outcome = Shared<Result<Value, any Error>?>(nil)
  let task = Task {
    do {
      let value = try await body()
      outcome.update { $0 = .success(value) }
    } catch {
      outcome.update { $0 = .failure(error) }
    }
  }
  let start = ContinuousClock.now
  while outcome.value == nil, ContinuousClock.now - start < .seconds(10) {
    try await Task.sleep(for: .milliseconds(1))
  }
  task.cancel()
  guard let outcome = outcome.value else { throw NeverCame() }
  return try outcome.get()
}

private struct NeverCame: Error {}
