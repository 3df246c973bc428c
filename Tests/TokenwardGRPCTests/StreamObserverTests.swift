// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardTestKit

@Suite("What is told about streams", .timeLimit(.minutes(1)))
struct StreamObserverTests {
  static let method = "test.Service/Run"

  private func run(
    _ handler: @escaping TestService.Handler,
    token: String? = "good",
    rule: Requirement = .scopes(["read"]),
    hook: @escaping RecordedResponse.Hook = { _ in }
  ) async throws -> RecordingStreams {
    let streams = RecordingStreams()
    try await withScriptedServer(
      [Self.method: handler],
      policy: [Allow(Self.method, rule)],
      streams: streams
    ) { server in
      let call = server.transport.open(Self.method, onWrite: hook)
      let headers = token.map { [("authorization", "Bearer \($0)")] } ?? []
      call.send(.metadata(Metadata(headers.map { ($0.0, .string($0.1)) })))
      if token != "short" { call.finish() }
      await call.end()
    }
    return streams
  }

  static let failing: TestService.Handler = { _, _ in
    throw RPCError(code: .notFound, message: "no such order")
  }
  static let forEver: TestService.Handler = { request, _ in
    for try await _ in request.messages {}
    return StreamingServerResponse { _ in [:] }
  }

  @Test("is the handler's answer, with a token and without one", arguments: ["good", nil])
  func answered(token: String?) async throws {
    let rule = token == nil ? Requirement.anonymous : .scopes(["read"])
    let completed = try await self.run(TestService.echo, token: token, rule: rule)
    #expect(completed.opened == 1)
    #expect(completed.ends == [.completed])
    let failed = try await self.run(Self.failing, token: token, rule: rule)
    #expect(failed.opened == 1)
    #expect(failed.ends == [.failed])
    let broken = try await self.run(TestService.echo, token: token, rule: rule) { _ in
      throw RPCError(code: .unavailable, message: "the connection is gone")
    }
    #expect(broken.ends == [.failed])
  }

  @Test("is the end of the token, whether the handler waits or writes")
  func expired() async throws {
    #expect(try await self.run(Self.forEver, token: "short").ends == [.tokenExpired])
    let writing: TestService.Handler = { _, _ in
      StreamingServerResponse { writer in
        while true {
          try await writer.write("tick")
          try await Task.sleep(for: .milliseconds(1))
        }
      }
    }
    #expect(try await self.run(writing, token: "short").ends == [.tokenExpired])
  }

  @Test("is nothing for a call that is denied", arguments: ["bad", nil])
  func denied(token: String?) async throws {
    let streams = try await self.run(TestService.echo, token: token)
    #expect(streams.opened == 0)
    #expect(streams.ends.isEmpty)
  }
}
