// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardHTTP
import TokenwardOpenBao
import TokenwardTestKit

/// Secrets of and from OpenBao in no text (catalogue L01, L08).
@Suite("Redaction around OpenBao", .timeLimit(.minutes(1)))
struct OpenBaoRedactionTests {
  private static let secrets = [
    "SECRETID-1", "WRAPPING-2", "s.TOKEN-3", "VALUE-4", "UNWRAPPED-5", "JWT-6",
  ]

  private static func texts<Value>(_ value: Value) -> [String] {
    var dumped = ""
    dump(value, to: &dumped)
    return [
      "\(value)", String(describing: value), String(reflecting: value), dumped,
      String(reflecting: [value]), Self.walk(value, depth: 10),
    ]
  }

  private static func walk(_ value: Any, depth: Int) -> String {
    guard depth > 0 else { return "" }
    return "\(value)"
      + Mirror(reflecting: value).children.map { self.walk($0.value, depth: depth - 1) }.joined()
  }

  /// Whether a text shows a secret, as it is or as its bytes.
  private static func shows(_ text: String, _ secret: String) -> Bool {
    if text.contains(secret) { return true }
    let bytes = Array(secret.utf8).prefix(4).map(String.init)
    // `dump` indents what it prints.
    let dumped = text.split(separator: "\n").map { $0.trimmingPrefix { $0 == " " } }
    return text.contains(bytes.joined(separator: ", "))
      || dumped.joined(separator: "\n").contains(bytes.map { "- \($0)" }.joined(separator: "\n"))
  }

  private static func expectRedacted<Value>(_ value: Value) {
    for text in Self.texts(value) {
      for secret in Self.secrets {
        #expect(!Self.shows(text, secret), "\(Value.self) shows a secret")
      }
    }
  }

  /// A login, what OpenBao answers to it, and the secrets that go over the wire.
  private enum Way: CaseIterable {
    case secretID, wrapped, kubernetes, tokenFile

    func openBao(_ bench: BaoBench) throws -> OpenBao {
      switch self {
      case .secretID:
        try bench.write("SECRETID-1", to: "secret_id")
        bench.http.answer(Bao.login("s.TOKEN-3"))
        return try bench.openBao()
      case .wrapped:
        try bench.write("WRAPPING-2", to: "wrapping")
        bench.http.answer(Bao.wrapping(), Bao.unwrapped("UNWRAPPED-5"), Bao.login("s.TOKEN-3"))
        return try bench.openBao(bench.wrapped)
      case .kubernetes:
        try bench.write("JWT-6", to: "jwt")
        bench.http.answer(Bao.login("s.TOKEN-3"))
        return try bench.openBao(.kubernetes(role: "orders", tokenFile: bench.path("jwt")))
      case .tokenFile:
        try bench.write("s.TOKEN-3", to: "token")
        bench.http.answer(Bao.lookUp())
        return try bench.openBao(.tokenFile(bench.path("token")))
      }
    }

    var sent: [String] {
      switch self {
      case .secretID: ["SECRETID-1", "s.TOKEN-3"]
      case .wrapped: ["WRAPPING-2", "UNWRAPPED-5", "s.TOKEN-3"]
      case .kubernetes: ["JWT-6", "s.TOKEN-3"]
      case .tokenFile: ["s.TOKEN-3"]
      }
    }
  }

  @Test("nothing that a program can hold shows a secret, before or after it was used")
  func values() async throws {
    var sent: Set<String> = ["VALUE-4"]
    for way in Way.allCases {
      let bench = try BaoBench()
      let openBao = try way.openBao(bench)
      let secret = try openBao.secret(path: "orders/oauth", field: "client_secret")
      Self.expectRedacted(openBao)
      bench.http.answer(Bao.secret(#"{"client_secret":"VALUE-4"}"#))
      #expect(try await secret.text() == "VALUE-4")
      Self.expectRedacted(openBao)
      Self.expectRedacted(secret)
      Self.expectRedacted(openBao.status)
      Self.expectRedacted(bench.events.events)
      for request in bench.http.requests {
        Self.expectRedacted(request)
        for secret in Self.secrets { #expect(!request.url.target.contains(secret)) }
      }
      #expect("\(secret)" == #"field "client_secret" of secret/orders/oauth"#)
      // The twin: each of them was there to be shown.
      let wire = bench.http.requests.flatMap { request in
        [String(decoding: request.body, as: UTF8.self)] + request.headers.map(\.value)
      }
      for secret in way.sent { #expect(wire.contains { $0.contains(secret) }) }
      sent.formUnion(way.sent)
    }
    #expect(sent == Set(Self.secrets))
  }

  @Test("no error repeats what OpenBao said or what was sent, whatever goes wrong")
  func errors() async throws {
    let echo = Self.secrets.joined(separator: " ")
    let outcomes: [ScriptedHTTP.Outcome] =
      [400, 401, 403, 404, 412, 418, 429, 472, 473, 500, 503, 307, 200].map { Bao.error($0, echo) }
      + [Bao.answer(200, echo), Bao.login("two words s.TOKEN-3"), .failure(.tlsFailed)]
    for outcome in outcomes {
      for step in 0 ... 3 {
        let bench = try BaoBench()
        try bench.write("WRAPPING-2", to: "wrapping")
        let openBao = try bench.openBao(bench.wrapped)
        let answers = [Bao.wrapping(), Bao.unwrapped("UNWRAPPED-5"), Bao.login("s.TOKEN-3")]
        for answer in answers.prefix(step) { bench.http.answer(answer) }
        bench.http.answer(outcome)
        let secret = try openBao.secret(path: "orders/oauth", field: "client_secret")
        let error = await #expect(throws: SecretError.self) { try await secret.text() }
        Self.expectRedacted(error)
        Self.expectRedacted(openBao.status)
        Self.expectRedacted(bench.events.events)
      }
    }
  }

  @Test("the same search finds a secret in a type that hides nothing")
  func twin() {
    struct Open {
      var text = OpenBaoRedactionTests.secrets[0]
    }
    struct Bytes {
      var bytes = Array(OpenBaoRedactionTests.secrets[0].utf8)
    }
    #expect(Self.texts(Open()).allSatisfy { Self.shows($0, Self.secrets[0]) })
    #expect(Self.texts(Bytes()).allSatisfy { Self.shows($0, Self.secrets[0]) })
  }

  /// What each failure is to whoever wanted the secret, written down a second time.
  private static let kinds: [SecretError.Kind: Set<OpenBaoFailure>] = [
    .unavailable: [
      .unreachable, .tlsFailed, .deadlineExceeded, .authoritiesUnusable, .sealed, .standby,
      .throttled, .behind, .redirected, .serverError, .clockUnavailable, .cancelled,
    ],
    .refused: [.loginRefused, .denied, .notFound, .credentialFile],
    .unusable: [.deleted, .unusableAnswer, .tooLarge],
    .alreadyUnwrapped: [.wrappedTokenReused, .wrappedTokenForeign],
  ]

  @Test("every failure explains itself in words of its own, and has a kind")
  func explanations() async throws {
    let all = OpenBaoFailure.allCases
    #expect(all.filter(\.isAlarm) == [.wrappedTokenReused, .wrappedTokenForeign])
    #expect(Set(all.map(\.rawValue)).count == all.count)
    #expect(Dictionary(grouping: all, by: \.kind).mapValues(Set.init) == Self.kinds)
    #expect(Set(all.map(\.explanation.problem)).count == all.count)
    for failure in all {
      #expect(failure.rawValue.allSatisfy { $0 == "_" || ($0.isASCII && $0.isLowercase) })
      let (problem, hint) = failure.explanation
      for text in [problem, hint] {
        #expect(text.split(separator: " ").count >= 2, "\(failure) says nothing")
        #expect(text.utf8.allSatisfy { (0x20 ... 0x7E).contains($0) })
      }
      #expect(problem.hasPrefix("ALARM: ") == failure.isAlarm)
    }
  }
}
