// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import GRPCCore
import SwiftProtobuf
import Testing
import TokenwardAuthority
import TokenwardAuthorityAPI
import TokenwardCore
import TokenwardProtos

@Suite("What gRPC clients of the authority are told")
struct ErrorTableTests {
  struct Row: Sendable {
    var error: AuthorityError
    var code: RPCError.Code
    var reason: String
    var message: String
    var field: String?
  }

  static let rows: [Row] =
    [
      Row(
        error: .forbidden("the caller does not hold x"),
        code: .permissionDenied,
        reason: "PERMISSION_DENIED",
        message: "the caller does not hold x"
      ),
      Row(
        error: .notFound("no such token"),
        code: .notFound,
        reason: "NOT_FOUND",
        message: "no such token"
      ),
      Row(
        error: .alreadyExists("used"),
        code: .alreadyExists,
        reason: "ALREADY_EXISTS",
        message: "used"
      ),
      Row(
        error: .failedPrecondition("revoked"),
        code: .failedPrecondition,
        reason: "FAILED_PRECONDITION",
        message: "revoked"
      ),
      Row(
        error: .invalid(field: "labels", problem: "too many"),
        code: .invalidArgument,
        reason: "INVALID_ARGUMENT",
        message: "labels: too many",
        field: "labels"
      ),
      Row(
        error: .unauthenticated,
        code: .unauthenticated,
        reason: "ACCESS_TOKEN_INVALID",
        message: "request is not authenticated"
      ),
    ]
    + AuthorityError.Dependency.allCases.map { dependency in
      Row(
        error: .unavailable(dependency),
        code: .unavailable,
        reason: "AUTHORITY_UNAVAILABLE",
        message: Self.words[dependency] ?? ""
      )
    }

  static let words: [AuthorityError.Dependency: String] = [
    .store: "the store of tokens cannot be used",
    .secrets: "the vault or the signer cannot be used",
    .audit: "the audit trail cannot be written",
    .clock: "the clock of the authority cannot be read",
    .rate: "the API token was exchanged too often",
  ]

  @Test("every error of the authority has its code, reason and words", arguments: Self.rows.indices)
  func table(_ index: Int) async throws {
    let row = Self.rows[index]
    let authority = ScriptedAuthority()
    authority.change { $0.error = row.error }
    let principal = try Samples.principal()
    try await withAuthority(authority, as: principal) { clients in
      let error = await rpcError { try await clients.roles.list(.init()) }
      #expect(error?.code == row.code)
      #expect(error?.reason == row.reason)
      #expect(error?.field == row.field)
      if case .unavailable = row.error {
        #expect(!row.message.isEmpty && error?.message.hasPrefix(row.message) == true)
      } else {
        #expect(error?.message == row.message)
      }
      // The twin: without the error the same call goes through.
      authority.change { $0.error = nil }
      let none = await rpcError { try await clients.roles.list(.init()) }
      #expect(none == nil)
    }
  }

  @Test("whoever is not proven by a guard with a token of this authority is nobody")
  func unguarded() async throws {
    let strangers: [Principal?] = [
      nil, try Samples.principal(issuer: "https://authority.example/"),
      try Samples.principal(id: nil), try Samples.principal(subject: "admin"),
      try Samples.principal(subject: "main/"), try Samples.principal(subject: "/admin"),
      try Samples.principal(subject: "main/a/b"), try Samples.principal(subject: "ma in/admin"),
      try Samples.principal { $0.tenant = "other" },
    ]
    let authority = ScriptedAuthority()
    for stranger in strangers {
      try await withAuthority(authority, as: stranger) { clients in
        let calls: [@Sendable () async throws -> Void] = [
          { _ = try await clients.tokens.create(.init()) },
          { _ = try await clients.tokens.exchange(.with { $0.subjectToken = "twk_x" }) },
          { _ = try await clients.tokens.revokeSelf(.with { $0.token = "twk_x" }) },
          { _ = try await clients.owners.get(.with { $0.owner = "a" }) },
          { _ = try await clients.roles.list(.init()) },
          { _ = try await clients.keys.list(.init()) },
        ]
        for call in calls {
          let error = await rpcError { try await call() }
          #expect(error?.code == .unauthenticated)
        }
      }
    }
    #expect(authority.calls.isEmpty)
    try await withAuthority(authority, as: try Samples.principal { $0.tenant = "main" }) {
      clients in
      _ = try await clients.keys.list(.init())
    }
    #expect(authority.calls.count == 1)
  }
}
