// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

extension AttackVariant {
  typealias Builder<Value> = @Sendable (AttackBench) throws -> Value
  typealias Change = @Sendable (RawObject, AttackBench) throws -> RawObject

  /// One denied call and its twin.
  static func denied(
    _ name: String,
    _ reason: DenialReason,
    _ attack: @escaping Builder<AttackRequest>,
    twin: @escaping Builder<AttackRequest> = { try $0.good() }
  ) -> AttackVariant {
    AttackVariant(
      name,
      .calls { bench in [.twin(try twin(bench)), .attack(try attack(bench), reason)] }
    )
  }

  /// A denied token in an otherwise good call, and its twin.
  static func token(
    _ name: String,
    _ reason: DenialReason,
    _ carriage: AttackRequest.Carriage = .client,
    _ attack: @escaping Builder<String>,
    twin: @escaping Builder<String> = { try $0.token() }
  ) -> AttackVariant {
    .denied(name, reason) { bench in
      bench.call(try attack(bench), nil, carriage)
    } twin: { bench in
      bench.call(try twin(bench), nil, carriage == .guardOnly ? .guardOnly : .client)
    }
  }

  /// A token that is rightly signed but for its header.
  static func header(
    _ name: String,
    _ reason: DenialReason,
    _ change: @escaping Change,
    twin: @escaping Change = { header, _ in header }
  ) -> AttackVariant {
    .token(name, reason) { bench in
      try bench.token(header: try change(bench.header(), bench).text)
    } twin: { bench in
      try bench.token(header: try twin(bench.header(), bench).text)
    }
  }

  /// A token that is rightly signed but for its claims.
  static func claims(
    _ name: String,
    _ reason: DenialReason,
    _ method: String? = nil,
    _ change: @escaping Change,
    twin: @escaping Change = { claims, _ in claims }
  ) -> AttackVariant {
    .token(name, reason) { bench in
      try bench.token(claims: try change(bench.claims(), bench).text)
    } twin: { bench in
      try bench.token(claims: try twin(bench.claims(), bench).text)
    }
  }

  /// A rightly signed token of which one claim has another value.
  static func claim(
    _ member: String,
    _ value: String,
    _ reason: DenialReason,
    twin: String? = nil
  ) -> AttackVariant {
    .claims(String("\(member) is \(value)".prefix(72)), reason) { claims, _ in
      claims.setting(member, value)
    } twin: { claims, _ in
      twin.map { claims.setting(member, $0) } ?? claims
    }
  }

  static func keySet(_ name: String, _ attack: @escaping Builder<KeySetAttack>) -> AttackVariant {
    AttackVariant(name, .keySet(attack))
  }

  static func frames(_ name: String, _ attack: @escaping Builder<FrameAttack>) -> AttackVariant {
    AttackVariant(name, .frames(attack))
  }
}
