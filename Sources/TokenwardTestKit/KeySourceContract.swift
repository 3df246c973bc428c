// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// What every `KeySource` owes its verifier, checked against one that a test can drive.
///
/// The checks report what they found instead of failing a test themselves, so that they work under
/// any test library: expect ``problems(of:replacingWith:)`` to be empty.
public enum KeySourceContract {
  /// What the source does wrong; empty if nothing.
  /// - Parameters:
  ///   - source: a source that has keys at present.
  ///   - replace: makes the source serve other keys, or none.
  public static func problems(
    of source: any KeySource,
    replacingWith replace: (KeySet?) -> Void
  ) throws -> [String] {
    let issuer = try TestIssuer("https://contract.test", keyID: "before")
    let next = try TestIssuer("https://contract.test", keyID: "after").keySet
    let clock = ManualClock()
    let verifier = try JWTVerifier(issuers: [issuer.trusted(keys: source)])
    let token = try issuer.token(at: clock.moment.unix)
    func outcome() -> DenialReason? {
      do throws(VerificationFailure) {
        _ = try verifier.verify(PresentedToken(BearerToken(token)), at: clock.moment)
        return nil
      } catch {
        return error.reason
      }
    }
    var problems: [String] = []
    func expect(_ expected: DenialReason?, _ situation: String) {
      let found = outcome()
      if found != expected {
        let found = found?.rawValue ?? "accepted"
        problems.append("\(situation): \(found) instead of \(expected?.rawValue ?? "accepted")")
      }
    }
    replace(try issuer.keySet)
    expect(nil, "a token of the present key")
    replace(next)
    expect(.keyUnknown, "a token of a key that was replaced, seen before")
    replace(nil)
    expect(.dependencyUnavailable, "a token while there are no keys, seen before")
    replace(try issuer.keySet)
    expect(nil, "a token after the keys came back")
    return problems
  }
}
