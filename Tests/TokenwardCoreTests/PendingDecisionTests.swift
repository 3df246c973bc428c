// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Synchronization
import Testing
import TokenwardCore
import TokenwardTestKit

@Suite("A decision that waits")
struct PendingDecisionTests {
  /// Asks somebody else about every token but one that it remembers.
  final class Asking: TokenVerifier {
    let outcome: TokenLookup.Outcome?
    let asked = Atomic<Int>(0)
    let during: @Sendable () async -> Void

    init(_ outcome: TokenLookup.Outcome?, during: @escaping @Sendable () async -> Void = {}) {
      self.outcome = outcome
      self.during = during
    }

    func verify(
      _ token: PresentedToken,
      at now: Moment
    ) throws(VerificationFailure) -> Principal {
      throw VerificationFailure(
        .keyUnknown,
        lookup: TokenLookup {
          self.asked.wrappingAdd(1, ordering: .relaxed)
          await self.during()
          return self.outcome
        }
      )
    }
  }

  private let clock = ManualClock()
  private let observer = RecordingObserver()

  private func principal(_ change: (inout Principal.Assertion) -> Void = { _ in }) -> Principal {
    var assertion = Principal.Assertion(
      issuer: "https://issuer.test",
      subject: "alice",
      expiresAt: self.clock.moment.unix.adding(seconds: 60)
    )
    change(&assertion)
    return Principal(assertingVerified: assertion)
  }

  private func requestGuard(_ verifier: any TokenVerifier) throws -> RequestGuard {
    RequestGuard(
      policy: try MethodPolicy([Allow("a.B/C", .authenticated)]),
      verifier: verifier,
      time: self.clock,
      observers: [self.observer]
    )
  }

  private func request(_ path: String = "/a.B/C", timeout: String? = nil) -> AccessRequest {
    var request = AccessRequest(path: path, door: .grpc)
    request.add(header: "authorization", value: "Bearer opaque")
    if let timeout { request.add(header: "grpc-timeout", value: timeout) }
    return request
  }

  private func finish(
    _ requestGuard: RequestGuard,
    _ request: AccessRequest
  ) async throws -> Decision {
    guard case .pending(let pending) = requestGuard.begin(request) else {
      Issue.record("decided without waiting")
      return requestGuard.decide(request)
    }
    #expect(self.observer.records.isEmpty)
    return await requestGuard.finish(pending)
  }

  @Test("observers are told once, after the answer")
  func observed() async throws {
    let verifier = Asking(.success(self.principal()))
    let decision = try await self.finish(self.requestGuard(verifier), self.request())
    #expect(decision.grant?.principal?.subject == "alice")
    #expect(self.observer.records.count == 1)
    #expect(verifier.asked.load(ordering: .relaxed) == 1)
  }

  @Test("the time it took is part of the record")
  func duration() async throws {
    let clock = self.clock
    let verifier = Asking(.success(self.principal())) { clock.advanceMonotonic(by: .seconds(3)) }
    _ = try await self.finish(self.requestGuard(verifier), self.request())
    #expect(self.observer.records.first?.duration == .seconds(3))
  }

  @Test("an answer is judged at the moment it comes: dates, bindings and rules")
  func judged() async throws {
    let clock = self.clock
    let late = Asking(.success(self.principal())) { clock.advance(by: 60) }
    let expired = try await self.finish(self.requestGuard(late), self.request())
    #expect(expired.denial?.reason == .tokenExpired)
    self.observer.reset()
    let bound = Asking(
      .success(self.principal { $0.certificate = CertificateThumbprint(der: [1]) })
    )
    let unproven = try await self.finish(self.requestGuard(bound), self.request())
    #expect(unproven.denial?.reason == .bindingMismatch)
    self.observer.reset()
    let good = Asking(.success(self.principal()))
    let unlisted = try await self.finish(self.requestGuard(good), self.request("/a.B/D"))
    #expect(unlisted.denial?.reason == .methodUnlisted)
  }

  @Test("an answer that leads to the next question is a denial")
  func again() async throws {
    let verifier = Asking(nil)
    let decision = try await self.finish(self.requestGuard(verifier), self.request())
    #expect(decision.denial?.reason == .keyUnknown)
    #expect(verifier.asked.load(ordering: .relaxed) == 1)
  }

  @Test("whoever cannot wait gets a denial, and nobody is asked")
  func synchronous() throws {
    let verifier = Asking(.success(self.principal()))
    let decision = try self.requestGuard(verifier).decide(self.request())
    #expect(decision.denial?.reason == .keyUnknown)
    #expect(verifier.asked.load(ordering: .relaxed) == 0)
    #expect(self.observer.reasons == [.keyUnknown])
  }

  @Test(
    "a deadline that passes meanwhile denies, to the nanosecond (S07)",
    arguments: [
      (Int64(1_999_999_999), nil), (Int64(2_000_000_000), DenialReason.deadlineExceeded),
    ]
  )
  func deadline(nanoseconds: Int64, reason: DenialReason?) async throws {
    let clock = self.clock
    let verifier = Asking(.success(self.principal())) {
      clock.advanceMonotonic(by: .nanoseconds(nanoseconds))
    }
    let decision = try await self.finish(self.requestGuard(verifier), self.request(timeout: "2S"))
    #expect(decision.denial?.reason == reason)
  }

  @Test("a caller that has gone is not let in, whatever the answer (S06)")
  func cancelled() async throws {
    let verifier = Asking(.success(self.principal())) {
      while !Task.isCancelled { await Task.yield() }
    }
    let requestGuard = try self.requestGuard(verifier)
    guard case .pending(let pending) = requestGuard.begin(self.request()) else {
      Issue.record("decided without waiting")
      return
    }
    let call = Task { await requestGuard.finish(pending) }
    call.cancel()
    #expect(await call.value.denial?.reason == .callCancelled)
  }

  @Test("a clock that fails meanwhile denies")
  func clockFails() async throws {
    let clock = self.clock
    let verifier = Asking(.success(self.principal())) { clock.setFailed() }
    let decision = try await self.finish(self.requestGuard(verifier), self.request(timeout: "2S"))
    #expect(decision.denial?.reason == .clockUnavailable)
  }

  @Test(
    "what is left of a timeout is never nothing",
    arguments: [
      ("30S", Duration.seconds(20), "10000m"), ("30S", .seconds(30), "1n"),
      ("30S", .seconds(99), "1n"), ("30S", .seconds(-5), "30000m"), ("1m", .zero, "1000000n"),
    ]
  )
  func remaining(timeout: String, passed: Duration, left: String) throws {
    #expect(try #require(CallTimeout(timeout)).remaining(after: passed).canonicalValue == left)
  }

  @Test("two failures are the same if reason and issuer are")
  func equality() {
    let lookup = TokenLookup { nil }
    #expect(VerificationFailure(.keyUnknown) == VerificationFailure(.keyUnknown, lookup: lookup))
    #expect(VerificationFailure(.keyUnknown) != VerificationFailure(.tokenUnknown))
    #expect(VerificationFailure(.keyUnknown) != VerificationFailure(.keyUnknown, issuer: "a"))
  }

  @Test("two dots make a JWT, and only the verifier of its kind sees a token")
  func kinds() throws {
    let jwt = FailingTokenVerifier(.signatureInvalid)
    let opaque = FailingTokenVerifier(.tokenUnknown)
    let both = TokenVerifiers(jwt: jwt, opaque: opaque)
    let kinds: [(String, DenialReason)] = [
      ("a.b.c", .signatureInvalid), ("..", .signatureInvalid), ("abc", .tokenUnknown),
      ("a.b", .tokenUnknown), ("a.b.c.d.e", .tokenUnknown), ("twk_a_b", .tokenUnknown),
    ]
    for (token, reason) in kinds {
      #expect(throws: VerificationFailure(reason)) {
        try both.verify(PresentedToken(BearerToken(token)), at: self.clock.moment)
      }
    }
    #expect(jwt.calls == 2 && opaque.calls == 4)
  }
}
