// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation
internal import Synchronization
internal import TokenwardCore
internal import TokenwardRemote
internal import TokenwardService

/// What could not be had.
private final class Findings: Sendable {
  let problems = Mutex<[(Issuer, KeyFetchProblem)]>([])
}

/// Gets the keys that a command needs, once, before it decides.
enum KeyFetching {
  /// Asks every issuer of which nothing is known yet, all at the same time, and complains of those that
  /// do not answer. Their tokens cannot be decided about; those of the others can.
  static func fetchMissing(of configuration: Configuration) {
    guard let now = SystemTime().now() else { return }
    let missing = configuration.keySets.filter { $0.current(at: now) == nil }
    guard !missing.isEmpty else { return }
    let findings = Findings()
    let done = DispatchSemaphore(value: 0)
    Task.detached {
      await withTaskGroup(of: Void.self) { group in
        for keys in missing {
          group.addTask {
            do throws(KeyFetchProblem) {
              try await keys.fetchOnce()
            } catch {
              findings.problems.withLock { $0.append((keys.issuer, error)) }
            }
          }
        }
      }
      done.signal()
    }
    done.wait()
    for (issuer, problem) in findings.problems.withLock({ $0 }) {
      Console.complain(
        "warning: the keys of \(JSONText.quoted(issuer.text)) could not be had: "
          + "\(problem.rawValue)\n  hint: its tokens cannot be decided about;"
          + " Docs/metrics.md says what each word means"
      )
    }
  }
}
