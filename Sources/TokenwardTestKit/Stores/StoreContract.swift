// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardAuthority

/// What every `TokenStore` owes the authority, as checks that each run against an empty store.
///
/// The checks report what they found instead of failing a test themselves, so that they work under
/// any test library: run each of ``checks`` and expect no problems.
public enum StoreContract {
  /// One thing that every store does.
  public struct Check: Sendable, CustomStringConvertible {
    /// What the store does, as a sentence.
    public let description: String
    private let body: @Sendable (any TokenStore) async throws -> Findings

    /// What a store does wrong; empty if nothing. An error that the store threw where it must not is
    /// among them.
    /// - Parameter store: an empty store.
    public func problems(of store: any TokenStore) async -> [String] {
      do {
        return try await self.body(store).problems
      } catch {
        return ["it threw \(error)"]
      }
    }

    init(
      _ description: String,
      _ body: @escaping @Sendable (any TokenStore) async throws -> Findings
    ) {
      self.description = description
      self.body = body
    }
  }

  /// All checks.
  public static let checks: [Check] =
    Self.transactionChecks + Self.recordChecks + Self.listChecks + Self.useChecks
    + Self.concurrencyChecks

  /// What every store does wrong, check by check; empty if nothing.
  /// - Parameter makeStore: makes an empty store, once for each check.
  public static func problems(
    of makeStore: () async throws -> any TokenStore
  ) async throws -> [String] {
    var problems: [String] = []
    for check in Self.checks {
      let store = try await makeStore()
      problems += await check.problems(of: store).map { "\(check): \($0)" }
    }
    return problems
  }
}

/// What a check found.
struct Findings: Sendable {
  private(set) var problems: [String] = []

  mutating func expect(_ isSo: Bool, _ problem: @autoclosure () -> String) {
    if !isSo { self.problems.append(problem()) }
  }

  /// Equal byte for byte, not only by Unicode equivalence.
  mutating func expectSame(_ found: StoredRecord?, _ expected: StoreRecord?, _ what: String) {
    let found = found.map { RecordWriter.encode($0.record) }
    let expected = expected.map { RecordWriter.encode($0) }
    self.expect(found == expected, "\(what) is not what was written")
  }

  /// Whether a commit is refused as a conflict.
  mutating func expectConflict(
    _ transaction: StoreTransaction,
    in store: any TokenStore,
    _ what: String
  ) async throws {
    do throws(StoreError) {
      _ = try await store.commit(transaction)
      self.problems.append("\(what) went through")
    } catch .conflict {
      return
    }
  }
}
