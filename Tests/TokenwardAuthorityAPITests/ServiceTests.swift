// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import GRPCCore
import SwiftProtobuf
import Testing
import TokenwardAuthority
import TokenwardAuthorityAPI
import TokenwardCore
import TokenwardProtos

@Suite("The authority's gRPC services")
struct ServiceTests {
  typealias Create = Tokenward_Authority_V1_CreateTokenRequest

  static let create = Create.with {
    $0.name = "nightly export"
    $0.owner = "exporter"
    $0.audiences = ["orders"]
  }

  @Test("a token is made as it was asked for, and its secret is answered once")
  func creates() async throws {
    let authority = ScriptedAuthority()
    let principal = try Samples.principal(claims: #"{"grant_id":"grantgrantgrantg"}"#) {
      $0.methods = MethodLimit(patterns: ["a.B/C"])
    }
    let answer = try await withAuthority(authority, as: principal) { clients in
      var request = Self.create
      request.tenant = "other"
      request.roles = ["reader"]
      request.scopes = ["orders.read"]
      request.lifetime = .with { $0.seconds = 3_600 }
      request.notBefore = .with { $0.seconds = 1_800_000_100 }
      request.networks = ["10.0.0.0/8"]
      request.certificateThumbprint = Samples.thumbprint
      request.labels = ["team": "billing"]
      request.idempotencyKey = "abcdefghijklmnopqrstuvwx"
      return try await clients.tokens.create(request)
    }
    #expect(answer.secret == Samples.apiTokenText)
    #expect(answer.token.id == Samples.id)
    #expect(answer.token.state == .active)
    guard case .create(let asked, let hasKey, let caller)? = authority.calls.first else {
      Issue.record("not asked")
      return
    }
    #expect(hasKey)
    #expect(asked.tenant == "other" && asked.owner == "exporter" && asked.roles == ["reader"])
    #expect(asked.scopes == ["orders.read"] && asked.audiences == ["orders"])
    #expect(asked.lifetimeSeconds == 3_600 && asked.notBefore?.seconds == 1_800_000_100)
    #expect(asked.networks.map(\.description) == ["10.0.0.0/8"])
    #expect(asked.certificate == CertificateThumbprint(base64URL: Samples.thumbprint))
    #expect(asked.labels == ["team": "billing"])
    #expect(caller.tenant == "main" && caller.subject == "main/admin")
    #expect(caller.token == "callertokencalle" && caller.grant == "grantgrantgrantg")
    #expect(caller.methods == ["a.B/C"])
    #expect(caller.may(.createTokens))
    #expect(caller.peer?.hasPrefix("in-process") == true)
  }

  struct Refusal: Sendable {
    var field: String
    var change: @Sendable (inout Create) -> Void
  }

  static let refusals: [Refusal] = [
    Refusal(field: "name") { $0.name = "" },
    Refusal(field: "name") { $0.name = String(repeating: "n", count: 129) },
    Refusal(field: "owner") { $0.owner = "" },
    Refusal(field: "owner") { $0.owner = "a/b" },
    Refusal(field: "tenant") { $0.tenant = "te nant" },
    Refusal(field: "audiences") { $0.audiences = [] },
    Refusal(field: "audiences") { $0.audiences = ["a", "a"] },
    Refusal(field: "audiences") { $0.audiences = ["a", ""] },
    Refusal(field: "roles") { $0.roles = ["r", "r"] },
    Refusal(field: "roles") { $0.roles = (0 ..< 65).map { "r\($0)" } },
    Refusal(field: "scopes") { $0.scopes = ["s", "s"] },
    Refusal(field: "scopes") { $0.scopes = [String(repeating: "s", count: 1_025)] },
    Refusal(field: "lifetime") { $0.lifetime = .with { $0.seconds = 0 } },
    Refusal(field: "lifetime") { $0.lifetime = .with { $0.seconds = -1 } },
    Refusal(field: "lifetime") { $0.lifetime = .with { $0.seconds = .max } },
    Refusal(field: "lifetime") {
      $0.lifetime = .with {
        $0.seconds = 1
        $0.nanos = 1
      }
    },
    Refusal(field: "not_before") { $0.notBefore = .with { $0.seconds = 253_402_300_800 } },
    Refusal(field: "not_before") { $0.notBefore = .with { $0.nanos = -1 } },
    Refusal(field: "not_before") { $0.notBefore = .with { $0.nanos = 1_000_000_000 } },
    Refusal(field: "networks") { $0.networks = ["10.0.0.1/8"] },
    Refusal(field: "networks") { $0.networks = ["010.0.0.0/8"] },
    Refusal(field: "networks") { $0.networks = ["10.0.0.0/8", "10.0.0.0/8"] },
    Refusal(field: "certificate_thumbprint") { $0.certificateThumbprint = "AAAA" },
    Refusal(field: "labels") { $0.labels = ["a b": "c"] },
    Refusal(field: "labels") { $0.labels = ["a": String(repeating: "v", count: 129)] },
    Refusal(field: "idempotency_key") { $0.idempotencyKey = "short" },
    // A field of a later version, which may be a restriction.
    Refusal(field: "request") { request in
      request = (try? Create(serializedBytes: [0xA0, 0x06, 0x01])) ?? request
      request.name = Self.create.name
      request.owner = Self.create.owner
      request.audiences = Self.create.audiences
    },
  ]

  @Test(
    "what cannot be meant is refused, with the field that it is about",
    arguments: refusals.indices
  )
  func refuses(_ index: Int) async throws {
    let refusal = Self.refusals[index]
    let authority = ScriptedAuthority()
    try await withAuthority(authority, as: try Samples.principal()) { clients in
      var request = Self.create
      refusal.change(&request)
      let message = request
      let error = await rpcError { try await clients.tokens.create(message) }
      #expect(error?.code == .invalidArgument)
      #expect(error?.field == refusal.field)
      #expect(authority.calls.isEmpty)
      // The twin.
      let none = await rpcError { try await clients.tokens.create(Self.create) }
      #expect(none == nil)
    }
  }

  @Test("no answer about a token carries its digest")
  func withoutDigests() async throws {
    let authority = ScriptedAuthority()
    authority.change { $0.tokens = [TokenStatus(record: Samples.record, state: .expired)] }
    try await withAuthority(authority, as: try Samples.principal()) { clients in
      let one = try await clients.tokens.get(.with { $0.id = Samples.id })
      let many = try await clients.tokens.list(.init())
      #expect(one.token.name == "nightly export" && one.token.owner == "exporter")
      #expect(one.token.networks == ["10.0.0.0/8", "2001:db8::/32"])
      #expect(one.token.certificateThumbprint == Samples.thumbprint)
      #expect(one.token.previousSecretUntil.seconds == Samples.now.seconds + 60)
      #expect(many.tokens.map(\.state) == [.expired])
      for bytes: [UInt8] in [try one.serializedBytes(), try many.serializedBytes()] {
        #expect(bytes.count > 100)
        #expect(!bytes.contains(Samples.digest.prefix(8)))
      }
    }
  }

  @Test("pages follow one another by the id of the last token")
  func pages() async throws {
    let authority = ScriptedAuthority()
    authority.change { $0.tokens = [TokenStatus(record: Samples.record, state: .active)] }
    try await withAuthority(authority, as: try Samples.principal()) { clients in
      let full = try await clients.tokens.list(.with { $0.pageSize = 1 })
      #expect(full.nextPageToken == Samples.id)
      let last = try await clients.tokens.list(
        .with {
          $0.pageSize = 2
          $0.pageToken = Samples.id
          $0.excludesRevoked = true
          $0.createdBy = Samples.id
        }
      )
      #expect(last.nextPageToken.isEmpty)
      for (size, token) in [(-1, ""), (501, ""), (1, "twk_0123456789ab")] as [(Int32, String)] {
        let error = await rpcError {
          try await clients.tokens.list(
            .with {
              $0.pageSize = size
              $0.pageToken = token
            }
          )
        }
        #expect(error?.code == .invalidArgument)
      }
    }
    guard case .list(let second)? = authority.calls.last else {
      Issue.record("not asked")
      return
    }
    #expect(second.after == TokenID(Samples.id) && second.limit == 2 && !second.includesRevoked)
    #expect(second.createdBy == TokenID(Samples.id))
  }

  @Test("a whole token in the place of its id is refused and not repeated")
  func secretForID() async throws {
    let authority = ScriptedAuthority()
    try await withAuthority(authority, as: try Samples.principal()) { clients in
      let error = await rpcError {
        try await clients.tokens.revoke(.with { $0.id = Samples.apiTokenText })
      }
      #expect(error?.code == .invalidArgument && error?.field == "id")
      #expect(error?.message.contains("SSSS") == false)
      #expect(authority.calls.isEmpty)
      let answer = try await clients.tokens.revoke(.with { $0.id = Samples.id })
      #expect(answer.token.state == .revoked)
    }
  }

  @Test("an exchange carries what the caller has proven, and nothing that it says of itself")
  func exchanges() async throws {
    let authority = ScriptedAuthority()
    let thumbprint = CertificateThumbprint(base64URL: Samples.thumbprint)
    let principal = try Samples.principal(scopes: []) { $0.certificate = thumbprint }
    let answer = try await withAuthority(authority, as: principal) { clients in
      let unknown = await rpcError {
        try await clients.tokens.exchange(
          .with {
            $0.subjectToken = Samples.apiTokenText
            $0.algorithm = .UNRECOGNIZED(9)
          }
        )
      }
      #expect(unknown?.field == "algorithm")
      return try await clients.tokens.exchange(
        .with {
          $0.subjectToken = Samples.apiTokenText
          $0.audiences = ["orders"]
          $0.algorithm = .eddsa
        }
      )
    }
    #expect(BearerToken(answer.accessToken).fingerprint == Samples.accessToken.fingerprint)
    #expect(answer.lifetime.seconds == 300 && answer.tokenID == "jti-1")
    guard case .exchange(let token, let parameters)? = authority.calls.first else {
      Issue.record("not asked")
      return
    }
    #expect(authority.calls.count == 1)
    #expect(token == Samples.apiToken.fingerprint)
    #expect(parameters.audiences == ["orders"] && parameters.scopes == nil)
    #expect(parameters.algorithm == .eddsa && parameters.peerCertificate == thumbprint)
  }

  @Test("owners, roles and keys are passed on as they were asked for")
  func others() async throws {
    let authority = ScriptedAuthority()
    let role = RoleRecord(role: "reader", scopes: ["s"], methods: ["a.B/*"], changedAt: Samples.now)
    authority.change { $0.roles = [role] }
    try await withAuthority(authority, as: try Samples.principal()) { clients in
      let disabled = try await clients.owners.disable(
        .with {
          $0.owner = "a"
          $0.reason = "left"
        }
      )
      #expect(disabled.owner.disabled)
      let enabled = try await clients.owners.enable(.with { $0.owner = "a" })
      #expect(!enabled.owner.disabled)
      let untouched = try await clients.owners.get(.with { $0.owner = "a" })
      #expect(!untouched.owner.hasChangedAt)
      let revoked = try await clients.tokens.revokeOwner(.with { $0.owner = "a" })
      #expect(revoked.generation == 7)
      let reader = try await clients.roles.get(.with { $0.name = "reader" })
      #expect(reader.role.methods == ["a.B/*"])
      let missing = await rpcError { try await clients.roles.get(.with { $0.name = "none" }) }
      #expect(missing?.code == .notFound)
      let dated = await rpcError {
        try await clients.roles.put(
          .with {
            $0.role = .with {
              $0.name = "r"
              $0.changedAt = .with { $0.seconds = 1 }
            }
          }
        )
      }
      #expect(dated?.field == "role.changed_at")
      _ = try await clients.roles.put(.with { $0.role = .with { $0.name = "r" } })
      _ = try await clients.roles.delete(.with { $0.name = "r" })
      _ = try await clients.keys.rotate(
        .with {
          $0.algorithm = .es256
          $0.force = true
        }
      )
      let undated = await rpcError { try await clients.tokens.revokeIssuedBefore(.init()) }
      #expect(undated?.field == "issued_before")
      _ = try await clients.tokens.revokeIssuedBefore(
        .with { $0.issuedBefore = .with { $0.seconds = 5 } }
      )
      _ = try await clients.tokens.revokeSelf(.with { $0.token = Samples.apiTokenText })
    }
    guard case .rotateKeys(.es256?, isForced: true)? = authority.calls.dropLast(2).last else {
      Issue.record("keys were not rotated")
      return
    }
    guard case .revokePresented(let token, _)? = authority.calls.last else {
      Issue.record("nothing was revoked")
      return
    }
    #expect(token == Samples.apiToken.fingerprint)
  }

  @Test("what is active is explained, and what is not is only not active")
  func introspects() async throws {
    let authority = ScriptedAuthority()
    try await withAuthority(authority, as: try Samples.principal()) { clients in
      let request = Tokenward_Authority_V1_IntrospectTokenRequest.with { $0.token = "x" }
      let inactive = try await clients.tokens.introspect(request)
      #expect(inactive == .init())
      let principal = try Samples.principal(
        subject: "main/exporter",
        scopes: ["orders.read"],
        claims: #"{"aud":["orders","stock"],"grant_id":"g"}"#
      ) {
        $0.tenant = "main"
        $0.methods = MethodLimit(patterns: ["a.B/C"])
        $0.networks = Samples.record.networks
      }
      authority.change { $0.principal = principal }
      let answer = try await clients.tokens.introspect(request)
      #expect(answer.active && answer.subject == "main/exporter" && answer.tenant == "main")
      #expect(answer.audiences == ["orders", "stock"] && answer.grantID == "g")
      #expect(answer.methods == ["a.B/C"] && answer.networks.count == 2)
    }
  }
}
