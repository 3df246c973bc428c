// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

/// What every store owes the authority, checked on the store in memory, and the checks themselves
/// checked on stores that are wrong.
@Suite struct StoreContractTests {
  @Test("the store in memory keeps the contract", arguments: StoreContract.checks)
  func memory(check: StoreContract.Check) async {
    #expect(await check.problems(of: InMemoryTokenStore()) == [])
  }

  @Test(
    "it keeps the contract when two of three operations fail before they happen",
    arguments: StoreContract.checks
  )
  func memoryWithFaults(check: StoreContract.Check) async {
    let faulty = FaultyStore(InMemoryTokenStore()) { _, count in
      count % 3 == 2 ? nil : .fails(.unavailable("injected"))
    }
    #expect(await check.problems(of: RetryingStore(faulty)) == [])
  }

  @Test("it keeps the contract when operations wait for others", arguments: StoreContract.checks)
  func memoryWithDelays(check: StoreContract.Check) async {
    let faulty = FaultyStore(InMemoryTokenStore()) { _, count in
      count % 2 == 0 ? .waits { await Task.yield() } : .answersLate { await Task.yield() }
    }
    #expect(await check.problems(of: faulty) == [])
  }

  @Test("nothing that is counted is lost when answers are lost")
  func lostAnswers() async throws {
    let check = try #require(
      StoreContract.checks.first { $0.description.hasPrefix("16 writers that compare") }
    )
    let faulty = FaultyStore(InMemoryTokenStore()) { operation, count in
      guard operation == .commit else { return nil }
      return switch count % 5 {
      case 1: .losesAnswer
      case 3: .fails(.unavailable("injected"))
      default: nil
      }
    }
    #expect(await check.problems(of: faulty) == [])
    #expect(faulty.count(.commit) > 128)
  }

  @Test(
    "errors of a store come through a faulty store as they are",
    arguments: [StoreError.conflict, .unavailable("x"), .corrupted("y")]
  )
  func injected(error: StoreError) async throws {
    let faulty = FaultyStore(InMemoryTokenStore()) { _, _ in .fails(error) }
    await #expect(throws: error) { try await faulty.commit(StoreTransaction()) }
    await #expect(throws: error) { try await faulty.read([]) }
    await #expect(throws: error) { try await faulty.tokens(TokenQuery()) }
    await #expect(throws: error) { try await faulty.forEach { _ in } }
    await #expect(throws: error) { try await faulty.note([]) }
    await #expect(throws: error) {
      try await faulty.forget(
        receiptsBefore: SampleRecords.start,
        tokensBefore: SampleRecords.start
      )
    }
    faulty.follow { _, _ in nil }
    #expect(try await faulty.commit(StoreTransaction()) == StoreVersion(0))
  }
}
