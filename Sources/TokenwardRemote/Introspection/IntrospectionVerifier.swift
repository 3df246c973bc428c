// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore
package import TokenwardHTTP

/// Verifies opaque tokens by asking the issuer that made them (RFC 7662).
///
/// An answer is remembered for at most five seconds, and a token that was withdrawn works no longer
/// than that. While nothing is remembered, the decision waits for one request, shared by all calls
/// with the same token. What cannot be asked is denied as unavailable:
///
/// - the issuer does not answer within five seconds, answers with another status than 200, or with
///   something that is no introspection response;
/// - it failed a moment ago: for one second, doubled by each further failure up to 30, nobody is sent
///   after it;
/// - ``mostRequests`` requests are under way already: tokens that a stranger makes up cost the issuer
///   no more than that.
public final class IntrospectionVerifier: TokenVerifier {
  /// Most requests under way at a time.
  public static let mostRequests = 64
  /// Most calls that wait for answers at a time.
  public static let mostWaiting = 4_096

  private let issuer: TrustedIssuer
  private let client: IntrospectionClient
  private let time: any TimeSource
  private let memory: IntrospectionMemory
  private let questions = Mutex(IntrospectionQuestions())

  /// - Parameters:
  ///   - endpoint: whom to ask, and what tokens must look like.
  ///   - time: the clocks.
  /// - Throws: `ConfigurationError` with every problem.
  public convenience init(
    _ endpoint: IntrospectionEndpoint,
    time: any TimeSource = SystemTime()
  ) throws(ConfigurationError) {
    let client = try HTTPSClient(
      roots: endpoint.roots,
      maximumBody: IntrospectionAnswer.maximumLength
    )
    try self.init(endpoint, client: client, time: time)
  }

  package init(
    _ endpoint: IntrospectionEndpoint,
    client: any HTTPTransport,
    time: any TimeSource
  ) throws(ConfigurationError) {
    self.issuer = try .introspected(
      endpoint.issuer,
      audiences: endpoint.audiences,
      clockSkew: endpoint.clockSkew,
      maximumLifetimeSeconds: endpoint.maximumLifetimeSeconds
    )
    self.client = IntrospectionClient(endpoint: endpoint, transport: client)
    self.time = time
    self.memory = IntrospectionMemory(age: try endpoint.checkedAge())
  }

  /// The issuer that is asked.
  public var issuerName: Issuer { self.issuer.issuer }

  /// What the issuer said about the token in the last seconds; nil if nothing.
  /// - Throws: `VerificationFailure` if it said no.
  public func recall(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal? {
    try self.memory.find(token.fingerprint, at: now)?.get()
  }

  /// Throws `DenialReason.dependencyUnavailable` for a token about which nothing is remembered, with
  /// a `VerificationFailure.lookup` for callers that can wait.
  public func verify(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal {
    if let known = try self.recall(token, at: now) { return known }
    let bytes = token.bytes
    guard bytes.count <= BearerToken.maximumLength else {
      throw VerificationFailure(.tokenTooLarge)
    }
    let bearer = BearerToken(bytes: bytes)
    let lookup = TokenLookup { [weak self] in await self?.ask(about: bearer) }
    throw VerificationFailure(.dependencyUnavailable, lookup: lookup)
  }

  /// Asks once for all that wait.
  private func ask(about token: BearerToken) async -> TokenLookup.Outcome {
    let fingerprint = token.fingerprint
    guard let now = self.time.now() else {
      return .failure(VerificationFailure(.clockUnavailable))
    }
    // Somebody else may have had the answer meanwhile.
    if let known = self.memory.find(fingerprint, at: now) { return known }
    let place = self.questions.withLock { $0.newPlace() }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let entry = self.questions.withLock { questions in
          Task.isCancelled
            ? .refused
            : questions.enter(fingerprint, place: place, continuation, at: now.monotonic)
        }
        switch entry {
        case .refused: continuation.resume(returning: Self.unavailable)
        case .waiting: break
        case .first:
          // A task of its own: the caller who happened to be first may give up, and the others wait.
          Task { [self] in await self.answer(token) }
        }
      }
    } onCancel: {
      let continuation = self.questions.withLock { $0.leave(fingerprint, place: place) }
      continuation?.resume(returning: Self.unavailable)
    }
  }

  private static let unavailable = TokenLookup.Outcome.failure(
    VerificationFailure(.dependencyUnavailable)
  )

  private func answer(_ token: BearerToken) async {
    let outcome = await self.outcome(for: token)
    let isAnswer = outcome != nil
    let now = self.time.monotonic()
    let waiting = self.questions.withLock { questions in
      questions.end(token.fingerprint, isAnswer: isAnswer, at: now)
    }
    for continuation in waiting { continuation.resume(returning: outcome ?? Self.unavailable) }
  }

  /// How many questions are under way.
  package var questionCount: Int { self.questions.withLock { $0.count } }
  /// How many calls wait for answers.
  package var waitingCount: Int { self.questions.withLock { $0.waitingCount } }

  /// Nil if there is no answer.
  private func outcome(for token: BearerToken) async -> TokenLookup.Outcome? {
    // The moment of the answer judges its dates, not the moment of the question.
    guard let body = await self.client.ask(about: token), let now = self.time.now() else {
      return nil
    }
    let outcome: TokenLookup.Outcome
    do throws(VerificationFailure) {
      outcome = .success(
        try IntrospectionAnswer.principal(in: body, of: self.issuer, at: now.unix)
      )
    } catch {
      guard error.reason != .dependencyUnavailable else { return nil }
      outcome = .failure(error)
    }
    self.memory.insert(outcome, for: token.fingerprint, at: now)
    return outcome
  }
}
