// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation

/// The rows of the demonstration. Each is made just before it is used, because tokens age.
struct DemoTable {
  let directory: String

  var calls: [() throws -> DemoCall] {
    [
      { self.order("no token", .none, .missing, "credentialMissing") },
      {
        self.order("malformed token", .token("not-a-token"), .invalid, "tokenMalformed")
      },
      {
        let token = try self.mint {
          $0["exp"] = $0.now - 10
          $0["iat"] = $0.now - 70
        }
        return self.order("expired token", .token(token), .expired, "tokenExpired")
      },
      {
        let token = try self.mint { $0["nbf"] = $0.now + 200 }
        return self.order("token not yet valid", .token(token), .invalid, "tokenNotYetValid")
      },
      {
        let token = try self.mint { $0["aud"] = "another-service" }
        return self.order("wrong audience", .token(token), .invalid, "audienceMismatch")
      },
      {
        let token = try self.mint { $0["iss"] = "https://somebody.else.test" }
        return self.order("unknown issuer", .token(token), .invalid, "issuerUnknown")
      },
      {
        let token = try self.issuer().unsignedToken()
        return self.order("alg: none", .token(token), .invalid, "algorithmForbidden")
      },
      {
        let token = try self.issuer().tokenSignedWithPublicKey()
        return self.order("RS256 taken for HS256", .token(token), .invalid, "algorithmForbidden")
      },
      {
        let token = try self.issuer().tamperedToken()
        return self.order("tampered payload", .token(token), .invalid, "signatureInvalid")
      },
      {
        let token = try self.mint { $0["scope"] = "inventory.read" }
        return self.order(
          "good token without the scope",
          .token(token),
          .forbidden,
          "scopeInsufficient"
        )
      },
      {
        DemoCall(
          name: "unknown method, no token",
          credential: .none,
          target: .unknownMethod,
          expected: .missing,
          expectedAudit: "credentialMissing"
        )
      },
      {
        DemoCall(
          name: "unknown method, good token",
          credential: .token(try self.mint()),
          target: .unknownMethod,
          expected: .forbidden,
          expectedAudit: "methodUnlisted"
        )
      },
      {
        DemoCall(
          name: "method of another scope",
          credential: .token(try self.mint()),
          target: .adjustment,
          expected: .forbidden,
          expectedAudit: "scopeInsufficient"
        )
      },
      {
        let path = try self.issuer().writeToken()
        return self.order("good token, from a file", .file(path), .ok, "allowed")
      },
      {
        DemoCall(
          name: "good stream",
          credential: .token(try self.mint()),
          target: .events(5),
          expected: .ok,
          expectedAudit: "allowed"
        )
      },
      {
        DemoCall(
          name: "good bidirectional stream",
          credential: .token(try self.mint()),
          target: .chat(["one", "two", "three"]),
          expected: .ok,
          expectedAudit: "allowed"
        )
      },
      {
        let expiry = Int(Date().timeIntervalSince1970) + 3
        return DemoCall(
          name: "stream cut at expiry",
          credential: .token(try self.mint { $0["exp"] = expiry }),
          target: .eventsUntilExpiry(Double(expiry)),
          expected: .expired,
          expectedAudit: "allowed"
        )
      },
    ]
  }

  private func order(
    _ name: String,
    _ credential: DemoCall.Credential,
    _ expected: Answer,
    _ expectedAudit: String
  ) -> DemoCall {
    DemoCall(
      name: name,
      credential: credential,
      target: .order,
      expected: expected,
      expectedAudit: expectedAudit
    )
  }

  private func issuer() throws -> DemoIssuer { try DemoIssuer(directory: self.directory) }

  private func mint(_ change: (inout DemoIssuer.Claims) -> Void = { _ in }) throws -> String {
    try self.issuer().token(change)
  }
}
