// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The one decision function of Tokenward. Every front door calls it and checks nothing itself.
///
/// A decision is synchronous and takes no task, no actor and no lock around cryptography: keys,
/// policy and revocations are immutable snapshots in memory. It can be taken on an event loop.
///
/// ```swift
/// let requestGuard = RequestGuard(policy: policy, verifier: JWTVerifier(issuers: [issuer]))
/// switch requestGuard.decide(request) {
/// case .allow(let grant): …  // run the call as grant.principal
/// case .deny(let denial): …  // answer denial.response
/// }
/// ```
public struct RequestGuard: Sendable {
  /// Which methods may be called, and by whom.
  public let policy: MethodPolicy
  private let verifier: any TokenVerifier
  private let revocation: (any RevocationChecker)?
  private let singleUse: any SingleUseMemory
  private let guesses: GuessLimiter?
  private let time: any TimeSource
  private let observers: [any DecisionObserver]

  /// - Parameters:
  ///   - policy: which methods may be called, and by whom; what it does not name is denied.
  ///   - verifier: turns a token into a ``Principal``.
  ///   - revocation: withdrawn tokens; none unless given.
  ///   - singleUse: the memory of issuers whose tokens work once; in this process unless given.
  ///   - guesses: slows down who guesses tokens; nobody unless given.
  ///   - time: the clocks.
  ///   - observers: told about every decision, in this order.
  public init(
    policy: MethodPolicy,
    verifier: any TokenVerifier,
    revocation: (any RevocationChecker)? = nil,
    singleUse: any SingleUseMemory = InMemorySingleUse(),
    guesses: GuessLimiter? = nil,
    time: any TimeSource = SystemTime(),
    observers: [any DecisionObserver] = []
  ) {
    self.policy = policy
    self.verifier = verifier
    self.revocation = revocation
    self.singleUse = singleUse
    self.guesses = guesses
    self.time = time
    self.observers = observers
  }

  /// Decides about one call from what is in memory and tells the observers. Every ``DenialReason``
  /// may come out. A call whose decision would have to wait for somebody else is denied: callers
  /// that can wait use ``begin(_:)``.
  public func decide(_ request: AccessRequest) -> Decision {
    let moment = self.time.now()
    let (method, requirement) = self.policy.find(path: request.path)
    var lookup: TokenLookup?
    let decision = self.decide(
      request,
      method: method,
      requirement: requirement,
      at: moment,
      orWaitFor: &lookup
    )
    self.tell(decision, of: request, method: method, requirement: requirement, since: moment)
    return decision
  }

  /// Decides about one call, as far as that is possible without waiting. Observers are told once
  /// there is a decision.
  public func begin(_ request: AccessRequest) -> DecisionProgress {
    let moment = self.time.now()
    let (method, requirement) = self.policy.find(path: request.path)
    var lookup: TokenLookup?
    let decision = self.decide(
      request,
      method: method,
      requirement: requirement,
      at: moment,
      orWaitFor: &lookup
    )
    if let lookup {
      return .pending(PendingDecision(request: request, lookup: lookup, beganAt: moment))
    }
    self.tell(decision, of: request, method: method, requirement: requirement, since: moment)
    return .decided(decision)
  }

  /// Waits for what a decision needs, takes it and tells the observers. If the task is cancelled
  /// meanwhile, the call is denied with ``DenialReason/callCancelled``; if its own `grpc-timeout`
  /// passes, with ``DenialReason/deadlineExceeded`` (catalogue S06, S07).
  public func finish(_ pending: PendingDecision) async -> Decision {
    let outcome = await pending.lookup.run()
    let moment = self.time.now()
    let request = pending.request
    let (method, requirement) = self.policy.find(path: request.path)
    let decision: Decision
    if pending.isTooLate(at: moment) {
      decision = .deny(Denial(.deadlineExceeded))
    } else if Task.isCancelled {
      decision = .deny(Denial(.callCancelled))
    } else {
      // Once is enough: an answer that leads to the next question is no answer.
      var ignored: TokenLookup?
      decision = self.decide(
        request,
        method: method,
        requirement: requirement,
        at: moment,
        knowing: outcome,
        orWaitFor: &ignored
      )
    }
    self.tell(
      decision,
      of: request,
      method: method,
      requirement: requirement,
      since: pending.beganAt ?? moment
    )
    return decision
  }

  /// Denies a call about which nothing can be decided, because a door could not make a request of
  /// it, and tells the observers.
  /// - Parameters:
  ///   - request: what is known of the call.
  ///   - reason: why it is denied.
  public func deny(_ request: AccessRequest, because reason: DenialReason) -> Denial {
    let moment = self.time.now()
    let (method, requirement) = self.policy.find(path: request.path)
    let denial = Denial(reason)
    self.tell(.deny(denial), of: request, method: method, requirement: requirement, since: moment)
    return denial
  }

  private func tell(
    _ decision: Decision,
    of request: AccessRequest,
    method: RPCMethod?,
    requirement: Requirement?,
    since moment: Moment?
  ) {
    guard !self.observers.isEmpty else { return }
    let record = DecisionRecord(
      moment: moment,
      door: request.door,
      method: method,
      isListed: requirement != nil,
      peer: request.peer,
      decision: decision,
      duration: self.elapsed(since: moment)
    )
    for observer in self.observers { observer.observe(record) }
  }

  private func decide(
    _ request: AccessRequest,
    method: RPCMethod?,
    requirement: Requirement?,
    at moment: Moment?,
    knowing outcome: TokenLookup.Outcome? = nil,
    orWaitFor lookup: inout TokenLookup?
  ) -> Decision {
    guard let now = moment else { return .deny(Denial(.clockUnavailable)) }

    // A deadline that cannot be read is refused before anything is spent on the call.
    switch request.timeout {
    case .absent: break
    case .value(let value) where CallTimeout(value) != nil: break
    case .value, .repeated: return .deny(Denial(.requestMalformed))
    }

    // What is judged and what will run have to be the same method.
    if let method, let route = request.route, !method.isRun(by: route) {
      return .deny(Denial(.internalInvariant))
    }

    let value: String
    switch request.authorization {
    case .value(let only) where !request.hasBinaryAuthorization:
      value = only
    case .absent where !request.hasBinaryAuthorization:
      guard let method, requirement?.access == .anonymous else {
        // The same answer for a method that exists and one that does not (CWE-204).
        return .deny(Denial(.credentialMissing))
      }
      return .allow(Grant(method: method, principal: nil, expiresAt: nil, decidedAt: now))
    case .value, .absent, .repeated:
      return .deny(Denial(.credentialConflicting))
    }

    let principal: Principal
    do {
      let token = try AuthorizationValue.candidate(value)
      if let outcome {
        principal = try outcome.get()
      } else if let known = try self.verifier.recall(token, at: now) {
        principal = known
      } else {
        try AuthorizationValue.check(value)
        if let guesses, guesses.isOver(request.peer, presenting: token, at: now) {
          return .deny(Denial(.rateLimited))
        }
        principal = try self.verifier.verify(token, at: now)
        self.guesses?.accept(token, from: request.peer, at: now)
      }
    } catch let reason as DenialReason {
      return .deny(Denial(reason))
    } catch let failure as VerificationFailure {
      lookup = failure.lookup
      // Once for each call: one that waits is counted when there is an answer.
      if failure.lookup == nil { self.guesses?.note(failure.reason, from: request.peer, at: now) }
      return .deny(Denial(failure.reason, issuer: failure.issuer))
    } catch {
      return .deny(Denial(.internalInvariant))
    }

    if let reason = principal.refusal(at: now.unix) {
      return .deny(Denial(reason, principal: principal))
    }
    if let bound = principal.certificate, bound != request.peerCertificate {
      return .deny(Denial(.bindingMismatch, principal: principal))
    }
    guard principal.isAllowed(from: request.peer) else {
      return .deny(Denial(.addressForbidden, principal: principal))
    }
    if let revocation {
      switch revocation.isRevoked(principal) {
      case false?: break
      case true?: return .deny(Denial(.tokenRevoked, principal: principal))
      case nil: return .deny(Denial(.dependencyUnavailable, principal: principal))
      }
    }

    guard let method, let requirement else {
      return .deny(Denial(.methodUnlisted, principal: principal))
    }
    if let reason = requirement.refusal(of: principal) {
      return .deny(Denial(reason, principal: principal))
    }
    if let limit = principal.methods, !limit.allows(method) {
      return .deny(Denial(.roleMissing, principal: principal))
    }
    if principal.isSingleUse, let reason = self.useUp(principal, at: now) {
      return .deny(Denial(reason, principal: principal))
    }
    return .allow(
      Grant(
        method: method,
        principal: principal,
        expiresAt: principal.callEnd(at: now.unix),
        decidedAt: now
      )
    )
  }

  /// Last of all checks, so that a call that is denied for another reason uses nothing up.
  private func useUp(_ principal: Principal, at now: Moment) -> DenialReason? {
    guard let id = principal.tokenID else { return .claimMissing }
    let isFirst = self.singleUse.claim(
      id,
      of: principal.issuer,
      until: principal.expiresAt,
      at: now
    )
    switch isFirst {
    case true?: return nil
    case false?: return .tokenRevoked
    case nil: return .dependencyUnavailable
    }
  }

  private func elapsed(since start: Moment?) -> Duration {
    guard let start, let end = self.time.monotonic(), end > start.monotonic else {
      return .zero
    }
    return end - start.monotonic
  }
}
