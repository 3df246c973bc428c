// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardHTTP
import TokenwardOpenBao
import TokenwardTestKit

/// Every status and every abuse of an answer (catalogue O17, O18).
@Suite("Answers of OpenBao", .timeLimit(.minutes(1)))
struct OpenBaoAnswerTests {
  private static let unavailable: [(Int, OpenBaoFailure)] = [
    (301, .redirected), (302, .redirected), (307, .redirected), (308, .redirected), (412, .behind),
    (429, .throttled), (472, .standby), (473, .standby), (500, .serverError), (502, .serverError),
    (503, .sealed), (504, .serverError),
  ]

  @Test("that ask to wait make a secret unavailable, whichever request they answer")
  func waiting() async throws {
    for (status, failure) in Self.unavailable {
      let bench = try BaoBench()
      let openBao = try bench.openBao()
      let secret = try openBao.secret(path: "orders/oauth", field: "client_secret")
      // To the login.
      bench.http.answer(Bao.error(status, "Vault is sealed"))
      #expect(await secret.refusal() == .unavailable, "\(status)")
      #expect(openBao.status.lastFailure?.failure == failure, "\(status)")
      #expect(openBao.status.isFailing)
      #expect(openBao.status.authenticatedUntil == nil)
      // To the question, once it was answered before: the answer from before is not given again.
      bench.clock.advance(by: 60)
      bench.http.answer(Bao.login(), Bao.secret(), Bao.error(status), Bao.secret())
      #expect(await secret.refusal() == nil)
      #expect(!openBao.status.isFailing)
      #expect(await secret.refusal() == .unavailable, "\(status)")
      #expect(openBao.status.isFailing)
      // By itself, and with the same login.
      #expect(await secret.refusal() == nil)
      #expect(bench.asked.filter { $0.hasPrefix("auth") }.count == 2)
    }
  }

  @Test("that do not come make it unavailable; too long or malformed ones are unusable")
  func failures() async throws {
    let expected: [(HTTPFailure, SecretError.Kind, OpenBaoFailure)] = [
      (.deadlineExceeded, .unavailable, .deadlineExceeded),
      (.connectionFailed, .unavailable, .unreachable), (.tlsFailed, .unavailable, .tlsFailed),
      (.rootsUnusable, .unavailable, .authoritiesUnusable), (.tooLarge, .unusable, .tooLarge),
      (.malformed, .unusable, .unusableAnswer), (.cancelled, .unavailable, .cancelled),
    ]
    #expect(expected.count == HTTPFailure.allCases.count)
    for (failure, kind, reason) in expected {
      let bench = try BaoBench()
      let openBao = try bench.openBao()
      let secret = try openBao.secret(path: "orders/oauth", field: "client_secret")
      bench.http.answer(Bao.login(), Bao.secret(), .failure(failure))
      #expect(await secret.refusal() == nil)
      #expect(await secret.refusal() == kind, "\(failure)")
      #expect(openBao.status.lastFailure?.failure == (reason == .cancelled ? nil : reason))
    }
  }

  @Test("to a login that are not what they should be are unusable")
  func logins() async throws {
    let unusable: [ScriptedHTTP.Outcome] =
      ["0", "-1", "-1200", #""1200""#, "null", "true", "1e3", "[]", "99999999999999999999", "0.5"]
      .map { Bao.login(lease: $0) }
      + ["null", "1", #""true""#].map { Bao.login(renewable: $0) }
      + ["", "two words", "line\\nend", "h\u{e9}", String(repeating: "a", count: 16_385)]
      .map { Bao.login($0) }
      + [
        Bao.login(mfa: #"{"mfa_request_id":"x"}"#), Bao.secret(),
        Bao.answer(200, #"{"auth":null}"#), Bao.answer(200, #"{"auth":[]}"#),
        Bao.answer(200, #"{"auth":{"client_token":5,"lease_duration":60,"renewable":true}}"#),
        Bao.answer(200, #"{"auth":{"client_token":"s.x","renewable":true}}"#),
        Bao.answer(200, #"{"auth":{"client_token":"s.x","lease_duration":60}}"#),
        Bao.answer(200, "[]"), Bao.answer(200, ""), Bao.answer(200, "<html>"),
        Bao.answer(204, ""), Bao.answer(201, "{}"), Bao.answer(418, "{}"), Bao.answer(100, "{}"),
      ]
    for outcome in unusable {
      let bench = try BaoBench()
      bench.http.answer(outcome, Bao.secret())
      let secret = try bench.openBao().secret(path: "orders/oauth", field: "client_secret")
      #expect(await secret.refusal() == .unusable, "\(outcome)")
      #expect(bench.asked == ["auth/approle/login"])
    }
    // Their twins.
    for outcome in [
      Bao.login(lease: "1"), Bao.login(lease: "99999999"), Bao.login(renewable: "false"),
      Bao.login(String(repeating: "a", count: 16_384)),
    ] {
      let bench = try BaoBench()
      bench.http.answer(outcome, Bao.secret())
      let secret = try bench.openBao().secret(path: "orders/oauth", field: "client_secret")
      #expect(await secret.refusal() == nil)
    }
  }

  @Test("are read as JSON only if they say that they are")
  func mediaType() async throws {
    let body = #"{"auth":{"client_token":"s.x","lease_duration":60,"renewable":true}}"#
    for (type, isAccepted) in [
      ("application/json", true), ("application/json; charset=utf-8", true), ("text/html", false),
      ("text/json", false), (nil, false),
    ] {
      let bench = try BaoBench()
      bench.http.answer(Bao.answer(200, body, type: type), Bao.secret())
      let secret = try bench.openBao().secret(path: "orders/oauth", field: "client_secret")
      #expect(await secret.refusal() == (isAccepted ? nil : .unusable))
    }
  }

  @Test("without a usable value in the field are unusable")
  func fields() async throws {
    let long = String(repeating: "a", count: KVSecret.maximumLength)
    let unusable: [ScriptedHTTP.Outcome] =
      [
        "5", "true", "null", #""""#, #"{"x":"y"}"#, #"["y"]"#, "\"\(long)a\"",
      ].map { Bao.secret(#"{"client_secret":\#($0)}"#) }
      + [
        #"{"other":"x"}"#, "{}", "[]", #""client_secret""#, "null", #"{"CLIENT_SECRET":"x"}"#,
        #"{"client_secret":"x","client_secret":"y"}"#, #"{"client_secret":"x",}"#,
      ].map { Bao.secret($0) }
      + ["0", "-1", "null", #""1""#, "1e0"]
      .map { Bao.secret(metadata: Bao.metadata(version: $0)) }
      + ["true", "null", #""false""#].map { Bao.secret(metadata: Bao.metadata(destroyed: $0)) }
      + [
        Bao.secret(metadata: "null"), Bao.secret(metadata: #"{"version":1}"#),
        // An engine of version 1.
        Bao.answer(200, #"{"data":{"client_secret":"x"}}"#),
        Bao.answer(200, #"{"data":{"data":{"client_secret":"x"}}}"#),
        Bao.answer(200, #"{"data":null,"wrap_info":{"token":"s.x","ttl":60}}"#),
        Bao.answer(200, "{}"), Bao.answer(200, ""), Bao.answer(200, "[]"), Bao.answer(204, ""),
        Bao.answer(200, String(repeating: "[", count: 40) + String(repeating: "]", count: 40)),
        // Deleted and destroyed.
        Bao.secret("null", status: 404),
        Bao.secret("null", metadata: Bao.metadata(destroyed: "true"), status: 404),
      ]
    for outcome in unusable {
      let bench = try BaoBench()
      bench.http.answer(Bao.login(), outcome)
      let secret = try bench.openBao().secret(path: "orders/oauth", field: "client_secret")
      #expect(await secret.refusal() == .unusable, "\(outcome)")
      #expect(bench.asked.count == 2)
    }
    // Their twins.
    for value in [long, "x", " ", "a\\u0000b", "\u{1F511}"] {
      let bench = try BaoBench()
      bench.http.answer(Bao.login(), Bao.secret(#"{"client_secret":"\#(value)"}"#))
      let secret = try bench.openBao().secret(path: "orders/oauth", field: "client_secret")
      #expect(await secret.refusal() == nil)
    }
  }

  @Test("with a good value and another status than 200 are unusable")
  func otherStatus() async throws {
    for status in [100, 201, 202, 204, 206, 299, 400, 405, 418, 499, 600] {
      let bench = try BaoBench()
      bench.http.answer(Bao.login(), Bao.secret(status: status))
      let secret = try bench.openBao().secret(path: "orders/oauth", field: "client_secret")
      #expect(await secret.refusal() == .unusable, "\(status)")
    }
  }

  @Test("with status 404 tell a deleted secret from one that never was")
  func missing() async throws {
    for (outcome, kind, failure) in [
      (Bao.answer(404, #"{"errors":[]}"#), SecretError.Kind.refused, OpenBaoFailure.notFound),
      (Bao.answer(404, "<html>", type: "text/html"), .refused, .notFound),
      (Bao.secret(#"{"client_secret":"x"}"#, status: 404), .refused, .notFound),
      (Bao.secret("null", metadata: "null", status: 404), .refused, .notFound),
      (Bao.error(404, "namespace not found"), .refused, .notFound),
      (Bao.secret("null", status: 404), .unusable, .deleted),
    ] {
      let bench = try BaoBench()
      let openBao = try bench.openBao()
      bench.http.answer(Bao.login(), outcome)
      let secret = try openBao.secret(path: "orders/oauth", field: "client_secret")
      #expect(await secret.refusal() == kind)
      #expect(openBao.status.lastFailure?.failure == failure)
    }
  }

  @Test("for another version than the one asked for are unusable")
  func versions() async throws {
    for (version, isAccepted) in [("2", true), ("1", false), ("3", false)] {
      let bench = try BaoBench()
      bench.http.answer(Bao.login(), Bao.secret(metadata: Bao.metadata(version: version)))
      let secret = try bench.openBao()
        .secret(path: "orders/oauth", field: "client_secret", version: 2)
      #expect(await secret.refusal() == (isAccepted ? nil : .unusable))
      #expect(bench.asked[1] == "secret/data/orders/oauth?version=2")
    }
  }

  @Test("are asked for each time: a replaced secret is seen at once, and nothing is kept")
  func replaced() async throws {
    let bench = try BaoBench()
    let secret = try bench.openBao().secret(path: "orders/oauth", field: "client_secret")
    bench.http.answer(
      Bao.login(),
      Bao.secret(#"{"client_secret":"one"}"#),
      Bao.secret(#"{"client_secret":"two"}"#),
      Bao.answer(404, #"{"errors":[]}"#)
    )
    #expect(try await secret.text() == "one")
    #expect(try await secret.text() == "two")
    #expect(await secret.refusal() == .refused)
    // Nobody answers any more.
    #expect(await secret.refusal() == .unavailable)
  }
}
