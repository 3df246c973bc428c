// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// A key set that must not be loaded as it is.
public enum KeySetAttack: Sendable {
  /// One key that must be skipped with this problem: alone it leaves no usable key, beside a good
  /// one it leaves the good one usable.
  case key(String, KeyProblem, twin: String)
  /// A document that must be refused as a whole with this problem.
  case document([UInt8], KeySetProblem, twin: [UInt8])
  /// A document whose twin loads but which carries a key that must stay without use.
  case secret(String, KeyProblem, twin: String)
}

/// A configuration that must be refused when it is made, and the closest one that must not.
public struct ConfigurationAttack: Sendable {
  /// Makes the configuration that must be refused.
  public let attack: @Sendable (AttackBench) throws(ConfigurationError) -> Void
  /// The path of the problem that must be named.
  public let path: String
  /// Makes the configuration that must be accepted.
  public let twin: @Sendable (AttackBench) throws(ConfigurationError) -> Void

  init(
    path: String,
    _ attack: @escaping @Sendable (AttackBench) throws(ConfigurationError) -> Void,
    twin: @escaping @Sendable (AttackBench) throws(ConfigurationError) -> Void
  ) {
    self.path = path
    self.attack = attack
    self.twin = twin
  }

  /// A policy that must be refused, and the closest one that must not.
  static func policy(path: String, _ rules: [Allow], twin: [Allow]) -> ConfigurationAttack {
    ConfigurationAttack(path: path) { _ throws(ConfigurationError) in
      _ = try MethodPolicy(rules)
    } twin: { _ throws(ConfigurationError) in
      _ = try MethodPolicy(twin)
    }
  }
}

/// HTTP/2 frames that no gRPC client sends: header blocks in the order to encode, and data.
public struct FrameAttack: Sendable {
  /// One frame on the attacked stream.
  public enum Frame: Sendable, Hashable {
    /// HEADERS, split into CONTINUATION frames where it is too long for one.
    case headers([AttackHeader], endStream: Bool)
    /// DATA.
    case data([UInt8], endStream: Bool)
  }

  /// What may come of it. Anything else, a process that ends and a call that reaches its handler
  /// above all, is a finding.
  public enum Outcome: Sendable, Hashable {
    /// RST_STREAM.
    case streamReset
    /// GOAWAY, or the connection is closed.
    case connectionClosed
    /// An HTTP status other than 200.
    case httpStatus(Int)
    /// A gRPC status, in trailers or trailers-only.
    case grpcStatus(Int)
  }

  /// The frames, in order.
  public let frames: [Frame]
  /// What may come of them.
  public let accepted: Set<Outcome>
  /// The frames of the closest call that must be answered with gRPC status 0.
  public let twin: [Frame]

  init(_ frames: [Frame], accepted: Set<Outcome>, twin: [Frame]) {
    self.frames = frames
    self.accepted = accepted
    self.twin = twin
  }
}

/// A row of the catalogue that this table does not run, and why. A runner shows it, so that a gap is
/// never taken for a pass.
public struct NotApplicable: Sendable, Hashable {
  /// The row in the catalogue.
  public let id: String
  /// The whole row, or the part of it that is meant.
  public let part: String
  /// Why the guard cannot answer it, and what does.
  public let reason: String

  init(_ id: String, _ part: String, _ reason: String) {
    self.id = id
    self.part = part
    self.reason = reason
  }
}
