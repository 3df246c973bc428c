// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import BenchSupport
internal import Crypto
internal import Foundation
internal import TokenwardCore

/// What the time tells of why a JWT is refused, and whether it tells of a shared secret (catalogue
/// L04). Without a cache.
struct RefusalBench {
  let rounds: Rounds

  func run(_ report: inout Report) async throws {
    report.begin("Refusals of JWTs, CPU time")
    try await self.runPublic(&report)
    try self.runShared(&report)
  }

  /// Of a public key nothing is secret; the times say in which order things are looked at.
  private func runPublic(_ report: inout Report) async throws {
    let key = P256.Signing.PrivateKey()
    let verifier = try JWTVerifier.uncached(.es256, jwk: BenchToken.jwk(of: key.publicKey))
    func sign(_ data: Data) throws -> Data { try key.signature(for: data).rawRepresentation }
    let good = try BenchToken(algorithm: .es256, sign: sign)
    let cases: [(name: String, token: BenchToken, reason: DenialReason?)] = [
      ("ES256, good", good, nil),
      (
        "ES256, expired", try BenchToken(algorithm: .es256, seconds: -900, sign: sign),
        .tokenExpired
      ),
      ("ES256, bad signature", good.withForgedSignature, .signatureInvalid),
      (
        "ES256, unknown key", try BenchToken(algorithm: .es256, keyID: "key-2", sign: sign),
        .keyUnknown
      ),
    ]
    let now = try Self.now()
    let values = try await self.rounds.measure(
      cases.map { name, token, reason in
        let token = BearerToken(token.text)
        return { _ in
          try cpuNanoseconds(per: 200) {
            guard Self.reason(token, verifier, now) == reason else {
              throw BenchFailure("\(name): another answer")
            }
          }
        }
      }
    )
    for (index, element) in cases.enumerated() {
      report.show(Figure(element.name, unit: "µs", Spread(values[index].map { $0 / 1_000 })))
    }
  }

  /// Of a shared secret the code of a token must not be found byte by byte.
  private func runShared(_ report: inout Report) throws {
    let key = SymmetricKey(size: .bits256)
    let secret = BenchToken.base64URL(key.withUnsafeBytes { Data($0) })
    let verifier = try JWTVerifier.uncached(
      .hs256,
      jwk: #"{"kty":"oct","alg":"HS256","kid":"key-1","k":"\#(secret)"}"#
    )
    var nearly: [[UInt8]] = []
    var random: [[UInt8]] = []
    for number in 0 ..< Leakage.tokens {
      let token = try BenchToken(algorithm: .hs256, id: "token-\(1_000 + number)") {
        Data(HMAC<SHA256>.authenticationCode(for: $0, using: key))
      }
      var code = token.signature
      code[code.index(before: code.endIndex)] ^= 1
      nearly.append(Self.text(token, code))
      random.append(Self.text(token, Data((0 ..< 32).map { _ in UInt8.random(in: 0 ... .max) })))
    }
    let now = try Self.now()
    let leakage = try Leakage(of: random, against: nearly, samples: TokensBench.samples) { token in
      Self.reason(BearerToken(bytes: token), verifier, now) == .signatureInvalid
    }
    report.show(
      Figure(
        "|t|, HS256 nearly right or random",
        unit: "ratio",
        Spread([leakage.t]),
        asked: Leakage.most
      )
    )
  }

  private static func text(_ token: BenchToken, _ code: Data) -> [UInt8] {
    Array(BenchToken(signingInput: token.signingInput, signature: code).text.utf8)
  }

  private static func now() throws -> Moment {
    guard let now = SystemTime().now() else { throw BenchFailure("there is no clock") }
    return now
  }

  /// Why a token is refused; nil if it is accepted.
  private static func reason(
    _ token: BearerToken,
    _ verifier: JWTVerifier,
    _ now: Moment
  ) -> DenialReason? {
    do throws(VerificationFailure) {
      _ = try verifier.verify(PresentedToken(token), at: now)
      return nil
    } catch {
      return error.reason
    }
  }
}
