// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Told about every decision after it was taken. It cannot change one.
///
/// Called synchronously on the path of the request, so it must not block.
public protocol DecisionObserver: Sendable {
  /// Takes note of one decision.
  func observe(_ record: DecisionRecord)
}

/// One decision, for audit and metrics. No token and no unverified claim is in it.
public struct DecisionRecord: Sendable {
  /// The moment of the decision; nil if the clock could not be read.
  public let moment: Moment?
  /// The front door.
  public let door: Door
  /// The method, if the path follows the grammar. Chosen by the caller: fit for audit, not for a
  /// metric label unless a rule names it.
  public let method: RPCMethod?
  /// Whether a rule of the policy names the method.
  public let isListed: Bool
  /// The caller's address as the transport named it.
  public let peer: String?
  /// What was decided.
  public let decision: Decision
  /// How long the decision took; zero where no monotonic clock could be read.
  public let duration: Duration

  /// - Parameters:
  ///   - moment: the moment of the decision.
  ///   - door: the front door.
  ///   - method: the method, if the path follows the grammar.
  ///   - isListed: whether a rule names the method.
  ///   - peer: the caller's address.
  ///   - decision: what was decided.
  ///   - duration: how long it took.
  public init(
    moment: Moment?,
    door: Door,
    method: RPCMethod?,
    isListed: Bool,
    peer: String?,
    decision: Decision,
    duration: Duration
  ) {
    self.moment = moment
    self.door = door
    self.method = method
    self.isListed = isListed
    self.peer = peer
    self.decision = decision
    self.duration = duration
  }
}
