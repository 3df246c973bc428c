// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore
package import TokenwardHTTP

/// Verifies opaque tokens by asking the issuer that made them (RFC 7662).
///
/// An answer is remembered for at most five seconds, and a token that was withdrawn begins no new call
/// after that. (A stream that is open goes on until the expiry that the issuer stated.) While nothing
/// is remembered, the decision waits for one request, shared by all calls with the same token. What
/// cannot be asked is denied as unavailable:
///
/// - the issuer does not answer within five seconds, or with something that is no introspection
///   response;
/// - it is down: for one second, doubled by each further failure up to 30, nobody is sent after it,
///   and then one question first. An answer that only one token gets, such as 400, is not a failure of
///   the issuer: no token may keep the others out;
/// - ``mostRequests`` requests are under way already, a quarter of which are kept for tokens that were
///   good before: tokens that a stranger makes up cost the issuer no more than the rest.
public final class IntrospectionVerifier: TokenVerifier {
  /// Most requests under way at a time.
  public static let mostRequests = 64
  /// Most calls that wait for answers at a time.
  public static let mostWaiting = 4_096

  /// Most calls that wait for the answer about one token.
  public static let mostWaitingForOne = 256

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
    self.client = IntrospectionClient(endpoint: endpoint, transport: client, time: time)
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
    let isKnown = self.memory.wasGood(fingerprint)
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let entry = self.questions.withLock { questions in
          Task.isCancelled
            ? .refused
            : questions.enter(
              fingerprint,
              place: place,
              continuation,
              isKnown: isKnown,
              at: now.monotonic
            )
        }
        switch entry {
        case .refused: continuation.resume(returning: Self.unavailable)
        case .waiting: break
        case .first:
          // A task of its own: the caller who happened to be first may give up, and the others wait.
          Task { [self] in await self.answer(token, asked: now.monotonic) }
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

  private func answer(_ token: BearerToken, asked: Duration) async {
    let reply = await self.client.ask(about: token)
    let outcome = self.outcome(of: reply, for: token, asked: asked)
    let now = self.time.monotonic()
    let waiting = self.questions.withLock { questions in
      questions.end(token.fingerprint, isUp: reply.isUp, at: now)
    }
    for continuation in waiting { continuation.resume(returning: outcome) }
  }

  /// How many questions are under way.
  package var questionCount: Int { self.questions.withLock { $0.count } }
  /// How many calls wait for answers.
  package var waitingCount: Int { self.questions.withLock { $0.waitingCount } }

  private func outcome(
    of reply: IntrospectionClient.Reply,
    for token: BearerToken,
    asked: Duration
  ) -> TokenLookup.Outcome {
    // The moment of the answer judges its dates, not the moment of the question.
    guard let now = self.time.now() else {
      return .failure(VerificationFailure(.clockUnavailable))
    }
    let outcome: TokenLookup.Outcome
    switch reply {
    case .notAsked, .down: return Self.unavailable
    case .unusable: outcome = Self.unavailable
    case .answer(let body):
      do throws(VerificationFailure) {
        outcome = .success(
          try IntrospectionAnswer.principal(in: body, of: self.issuer, at: now.unix)
        )
      } catch {
        outcome = .failure(error)
      }
    }
    self.memory.insert(outcome, for: token.fingerprint, asked: asked)
    return outcome
  }
}
