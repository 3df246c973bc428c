// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardCore

@testable import TokenwardAuthorityAPI

@Suite("How a client of the OAuth endpoints authenticates")
struct ClientCredentialsTests {
  static func basic(_ pair: String) -> String { "Basic \(Data(pair.utf8).base64EncodedString())" }

  private static func read(
    _ authorization: [String],
    _ form: String = ""
  ) throws(ClientCredentials.Problem) -> ClientCredentials {
    guard let body = try? FormBody(Array(form.utf8).span, repeatable: []) else {
      Issue.record("not a form: \(form)")
      return .none
    }
    return try ClientCredentials(authorization: authorization, form: body)
  }

  private static let token = Samples.apiTokenText
  private static let id = Samples.id

  @Test("the id and the whole token, in the header or in the body")
  func accepts() throws {
    let encoded = "Basic \(Data("%30123456789abcdef:\(Self.token)".utf8).base64EncodedString())"
    for header in [Self.basic("\(Self.id):\(Self.token)"), encoded] {
      guard case .presented(let token, inHeader: true) = try Self.read([header]) else {
        Issue.record("not read")
        continue
      }
      #expect(token.fingerprint == Samples.apiToken.fingerprint)
    }
    let lower = Self.basic("\(Self.id):\(Self.token)").replacing("Basic", with: "bASIC")
    guard case .presented(_, inHeader: true) = try Self.read([lower], "client_id=\(Self.id)") else {
      Issue.record("the scheme has no letter case")
      return
    }
    let form = "client_id=\(Self.id)&client_secret=\(Self.token)"
    guard case .presented(let token, inHeader: false) = try Self.read([], form) else {
      Issue.record("not read")
      return
    }
    #expect(token.fingerprint == Samples.apiToken.fingerprint)
    guard case .named("x") = try Self.read([], "client_id=x"), case .none = try Self.read([]) else {
      Issue.record("a name is no credential")
      return
    }
  }

  @Test("two methods at once, or one twice, are ambiguous")
  func ambiguous() {
    let header = Self.basic("\(Self.id):\(Self.token)")
    let rows: [([String], String)] = [
      ([header, header], ""), ([header], "client_secret=\(Self.token)&client_id=\(Self.id)"),
      ([header], "client_secret=x"), ([header], "client_id=other"),
    ]
    for (authorization, form) in rows {
      #expect(throws: ClientCredentials.Problem.ambiguous) { try Self.read(authorization, form) }
    }
  }

  @Test("everything else is refused, in the way in which it was tried")
  func refuses() {
    let pair = "\(Self.id):\(Self.token)"
    let padded = Data(pair.utf8).base64EncodedString()
    let headers = [
      "Bearer \(Self.token)", "Basic", "Basic ", "Basic  \(padded)", "Basic\t\(padded)",
      "Basic \(padded)=", "Basic \(padded.dropLast())", "Basic !!!!", Self.basic(":\(Self.token)"),
      Self.basic("\(Self.id):"), Self.basic(Self.id), Self.basic("fedcba9876543210:\(Self.token)"),
      Self.basic("\(Self.id):%zz"), Self.basic("\(Self.id)\u{0}:\(Self.token)"),
      Self.basic(":"), "Basic " + String(repeating: "A", count: 8_000),
    ]
    for header in headers {
      #expect(throws: ClientCredentials.Problem.refused(inHeader: true), "\(header.count) bytes") {
        try Self.read([header])
      }
    }
    let forms = [
      "client_secret=\(Self.token)", "client_id=other&client_secret=\(Self.token)",
      "client_id=\(Self.id)&client_secret=x", "client_assertion=x", "client_assertion_type=",
    ]
    for form in forms {
      #expect(throws: ClientCredentials.Problem.refused(inHeader: false)) {
        try Self.read([], form)
      }
    }
  }
}
