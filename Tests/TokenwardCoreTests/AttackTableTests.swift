// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import Testing
public import TokenwardAttacks
internal import TokenwardCore
internal import TokenwardTestKit

/// Runs every row of the attack table that needs no socket.
@Suite("attack table")
struct AttackTableTests {
  static let bench = Result { try AttackBench(now: ManualClock.defaultStart) }
  // Once, because testing RSA moduli is slow in a debug build; an issuer has no state.
  static let issuers = Result { try bench.get().trustedIssuers() }

  /// A guard that has seen nothing yet, as the bench describes it.
  struct Target {
    let requestGuard: RequestGuard
    let revocations = RevocationSet()
    let observer = RecordingObserver()
    let clock = ManualClock()

    init(_ bench: AttackBench, cache: JWTVerifier.Cache? = JWTVerifier.Cache()) throws {
      self.requestGuard = RequestGuard(
        policy: try bench.policy(),
        verifier: try JWTVerifier(issuers: AttackTableTests.issuers.get(), cache: cache),
        revocation: self.revocations,
        time: self.clock,
        observers: [self.observer]
      )
    }
  }

  @Test("every call is answered as its row says", arguments: AttackTable.attacks.filter(\.hasCalls))
  func calls(attack: Attack) throws {
    let bench = try Self.bench.get()
    for variant in attack.variants {
      guard case .calls(let build) = variant.runner else { continue }
      let target = try Target(bench)
      let steps = try build(bench)
      #expect(steps.contains { $0.role == .attack }, "\(variant.name) attacks nothing")
      #expect(steps.contains { $0.role == .twin }, "\(variant.name) has no twin")
      for (index, step) in steps.enumerated() {
        let place = "\(attack.id), \(variant.name), step \(index)"
        switch step.action {
        case .revoke(let id, of: let issuer):
          let now = target.clock.moment.unix
          target.revocations.revoke(id, of: issuer, until: now.adding(seconds: 3_600), at: now)
        case .send(let request, let expectation):
          Self.expect(expectation, of: request, place, target)
          // Again: a decision must not depend on what a cache has seen, unless the token was used up.
          if case .deny = expectation {
            Self.expect(expectation, of: request, "\(place), again", target)
          }
        }
      }
    }
  }

  private static func expect(
    _ expectation: AttackExpectation,
    of request: AttackRequest,
    _ place: String,
    _ target: Target
  ) {
    target.observer.reset()
    let decision = target.requestGuard.decide(request.accessRequest())
    #expect(target.observer.records.count == 1, "\(place): not observed once")
    switch expectation {
    case .allow:
      #expect(decision.grant != nil, "\(place): \(decision.denial?.reason.rawValue ?? "")")
    case .deny(let reason):
      #expect(decision.denial?.reason == reason, "\(place)")
      #expect(decision.denial?.response.grpcStatus == expectation.grpcStatus, "\(place)")
      Self.expectNoLeak(decision, of: request, place, target)
    }
  }

  /// What was refused before its signature was checked names nobody, and no answer carries anything
  /// of the request (C25, L03).
  private static func expectNoLeak(
    _ decision: Decision,
    of request: AttackRequest,
    _ place: String,
    _ target: Target
  ) {
    guard let denial = decision.denial else { return }
    let unverified: Set<DenialReason> = [
      .requestMalformed, .credentialMissing, .credentialConflicting, .credentialMalformed,
      .tokenMalformed, .tokenTooLarge, .algorithmForbidden, .keyUnknown, .signatureInvalid,
      .issuerUnknown,
    ]
    if unverified.contains(denial.reason) {
      #expect(denial.issuer == nil && denial.principal == nil, "\(place): names a stranger")
    } else if denial.reason != .claimMissing && denial.reason != .claimMalformed {
      #expect(denial.issuer != nil, "\(place): the issuer is known but not recorded")
    }
    #expect(Self.sentences.contains(denial.response.message), "\(place)")
    let dumped = target.observer.records.map { String(reflecting: $0) }.joined()
    for header in request.headers
    where header.name == "authorization" && header.value.utf8.count > 40 {
      #expect(!dumped.contains(header.value.suffix(40)), "\(place): the record holds the token")
    }
  }

  private static let sentences: Set<String> = [
    "request is malformed", "request is not authenticated", "permission denied",
  ]

  @Test(
    "every key set is loaded or refused as its row says",
    arguments: AttackTable.attacks.filter(\.hasKeySets)
  )
  func keySets(attack: Attack) throws {
    let bench = try Self.bench.get()
    let good = #"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#
    for variant in attack.variants {
      guard case .keySet(let build) = variant.runner else { continue }
      let place = "\(attack.id), \(variant.name)"
      switch try build(bench) {
      case .key(let jwk, let problem, let twin):
        Self.expectProblem(Self.set([jwk]), .publicKeys, [problem], place)
        Self.expectLoaded(Self.set([twin]), .publicKeys, keys: 1, place)
        let beside = try KeySet(jwks: Self.set([jwk, good]), trust: .publicKeys)
        #expect(beside.keyCount == 1 && beside.skipped.map(\.problem) == [problem], "\(place)")
      case .secret(let jwk, let problem, let twin):
        Self.expectProblem(Self.set([jwk]), .localSymmetric, [problem], place)
        Self.expectLoaded(Self.set([twin]), .localSymmetric, keys: 1, place)
      case .document(let document, let problem, let twin):
        #expect(throws: problem, "\(place)") { try KeySet(jwks: document, trust: .publicKeys) }
        Self.expectLoaded(twin, .publicKeys, keys: 2, place)
      }
    }
  }

  private static func set(_ keys: [String]) -> [UInt8] {
    Array("{\"keys\":[\(keys.joined(separator: ","))]}".utf8)
  }

  private static func expectProblem(
    _ jwks: [UInt8],
    _ trust: KeySet.Trust,
    _ problems: [KeyProblem],
    _ place: String
  ) {
    do throws(KeySetProblem) {
      _ = try KeySet(jwks: jwks, trust: trust)
      Issue.record("\(place): loaded")
    } catch {
      guard case .noUsableKeys(let skipped) = error else {
        Issue.record("\(place): \(error)")
        return
      }
      #expect(skipped.map(\.problem) == problems, "\(place)")
    }
  }

  private static func expectLoaded(
    _ jwks: [UInt8],
    _ trust: KeySet.Trust,
    keys: Int,
    _ place: String
  ) {
    do throws(KeySetProblem) {
      let set = try KeySet(jwks: jwks, trust: trust)
      #expect(set.keyCount == keys && set.skipped.isEmpty, "\(place): the twin is skipped")
    } catch {
      Issue.record("\(place): the twin is refused, \(error)")
    }
  }

  @Test(
    "every configuration is refused as its row says",
    arguments: AttackTable.attacks.filter(\.hasConfigurations)
  )
  func configurations(attack: Attack) throws {
    let bench = try Self.bench.get()
    for variant in attack.variants {
      guard case .configuration(let row) = variant.runner else { continue }
      let place = "\(attack.id), \(variant.name)"
      do throws(ConfigurationError) {
        try row.attack(bench)
        Issue.record("\(place): accepted")
      } catch {
        #expect(error.problems.contains { $0.path == row.path }, "\(place): \(error)")
      }
      #expect(throws: Never.self, "\(place)") { try row.twin(bench) }
    }
  }

  @Test("every row of the catalogue for this door is run or explained")
  func coverage() {
    let expected =
      Self.ids("A", 25) + Self.ids("K", 16) + Self.ids("E", 24) + Self.ids("C", 26)
      + Self.ids("M", 19) + Self.ids("P", 19) + Self.ids("L", 10)
    let run = Set(AttackTable.attacks.map(\.id))
    let explained = Set(AttackTable.notApplicable.map(\.id))
    #expect(expected.filter { !run.contains($0) && !explained.contains($0) } == [])
    #expect(run.union(explained).subtracting(expected) == [])
    for attack in AttackTable.attacks {
      #expect(!attack.variants.isEmpty, "\(attack.id) has no variant")
      let names = attack.variants.map(\.name)
      #expect(Set(names).count == names.count, "\(attack.id) has a variant's name twice")
    }
  }

  private static func ids(_ area: String, _ count: Int) -> [String] {
    (1 ... count).map { "\(area)\($0 < 10 ? "0" : "")\($0)" }
  }

  @Test("the lines for other runners are strict JSON and have every call and frame")
  func lines() throws {
    let lines = try AttackTable.jsonLines(bench: Self.bench.get())
    var kinds: [String: Int] = [:]
    for line in lines {
      let limits = JSONLimits(bytes: 1 << 24, membersPerObject: 16, nodes: 1 << 16)
      let document = try JSONDocument(Array(line.utf8), limits: limits)
      let kind = document.member("kind", of: document.root).flatMap { document.string($0) } ?? ""
      kinds[kind, default: 0] += 1
      #expect(document.member("id", of: document.root) != nil)
    }
    #expect(kinds["not_applicable"] == AttackTable.notApplicable.count)
    #expect((kinds["call"] ?? 0) > 1_000)
    #expect((kinds["frames"] ?? 0) > 100)
    #expect(kinds.count == 3)
  }
}

extension Attack {
  fileprivate var hasCalls: Bool {
    self.variants.contains { if case .calls = $0.runner { true } else { false } }
  }
  fileprivate var hasKeySets: Bool {
    self.variants.contains { if case .keySet = $0.runner { true } else { false } }
  }
  fileprivate var hasConfigurations: Bool {
    self.variants.contains { if case .configuration = $0.runner { true } else { false } }
  }
}

extension Attack: CustomTestStringConvertible {
  /// The row, as a failed test names it.
  public var testDescription: String { "\(self.id) \(self.name)" }
}
