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

  private static func expectRedacted<Value>(_ value: Value) {
    for text in Self.texts(value) {
      for secret in Self.secrets {
        #expect(!text.contains(secret), "\(Value.self) shows a secret")
        let bytes = Array(secret.utf8).prefix(4).map(String.init)
        #expect(!text.contains(bytes.joined(separator: ", ")), "\(Value.self) shows bytes")
        #expect(!text.contains(bytes.map { "- \($0)" }.joined(separator: "\n")))
      }
    }
  }

  @Test("nothing that a program can hold shows a secret, before or after it was used")
  func values() async throws {
    let bench = try BaoBench()
    try bench.write("WRAPPING-2", to: "wrapping")
    let openBao = try bench.openBao(bench.wrapped)
    let secret = try openBao.secret(path: "orders/oauth", field: "client_secret")
    bench.http.answer(
      Bao.wrapping(),
      Bao.unwrapped("UNWRAPPED-5"),
      Bao.login("s.TOKEN-3"),
      Bao.secret(#"{"client_secret":"VALUE-4"}"#)
    )
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
    #expect(Self.texts(Open()).allSatisfy { $0.contains(Self.secrets[0]) })
  }

  @Test("every failure explains itself and has a kind")
  func explanations() async throws {
    #expect(
      OpenBaoFailure.allCases.filter(\.isAlarm) == [.wrappedTokenReused, .wrappedTokenForeign]
    )
    #expect(Set(OpenBaoFailure.allCases.map(\.rawValue)).count == OpenBaoFailure.allCases.count)
    for failure in OpenBaoFailure.allCases {
      #expect(failure.rawValue.allSatisfy { $0 == "_" || ($0.isASCII && $0.isLowercase) })
    }
  }
}
