// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardTestKit

/// A handler that calls another guarded server and lets its denial out.
@Suite("A denial of another server", .timeLimit(.minutes(1)))
struct ForeignDenialTests {
  private static let details = "grpc-status-details-bin"

  private func answer(
    details: [UInt8],
    headers: [(String, String)] = .bearer("good"),
    policy: Requirement = .scopes(["read"])
  ) async throws -> (status: Status, metadata: Metadata)? {
    let handler: TestService.Handler = { _, _ in
      var metadata: Metadata = ["x-own": "kept"]
      metadata.addBinary(details, forKey: Self.details)
      throw RPCError(code: .unauthenticated, message: "of the other", metadata: metadata)
    }
    return try await withScriptedServer(
      ["test.Service/Echo": handler],
      policy: [Allow("test.Service/*", policy)]
    ) { server in
      let call = await server.transport.call("test.Service/Echo", headers)
      #expect(server.service.handled == 1)
      return call.statuses.first
    }
  }

  @Test("does not pass for one of this server's guard, which speaks before a handler runs")
  func dropped() async throws {
    let foreign = DenialReason.tokenExpired.response.statusDetails
    let answer = try #require(await self.answer(details: foreign))
    #expect(answer.status.code == .unauthenticated)
    #expect(Array(answer.metadata[binaryValues: Self.details]).isEmpty)
    #expect(Array(answer.metadata[stringValues: "x-own"]) == ["kept"])
    let anonymous = try await self.answer(details: foreign, headers: [], policy: .anonymous)
    #expect(try Array(#require(anonymous).metadata[binaryValues: Self.details]).isEmpty)
  }

  @Test("details of anybody else are the handler's own affair")
  func kept() async throws {
    // ErrorInfo in the domain "other.example", computed by hand from google/rpc/status.proto.
    let info = [UInt8]([0x0A, 1, 0x41, 0x12, 13]) + Array("other.example".utf8)
    let type = Array("type.googleapis.com/google.rpc.ErrorInfo".utf8)
    let any = [0x0A, UInt8(type.count)] + type + [0x12, UInt8(info.count)] + info
    let other = [UInt8]([0x08, 16, 0x1A, UInt8(any.count)]) + any
    #expect(DenialDetails(statusDetails: other)?.domain == "other.example")
    for details in [other, [1, 2, 3]] {
      for (headers, policy) in [
        ([(String, String)].bearer("good"), Requirement.scopes(["read"])), ([], .anonymous),
      ] {
        let answer = try await self.answer(details: details, headers: headers, policy: policy)
        let metadata = try #require(answer).metadata
        #expect(Array(metadata[binaryValues: Self.details]) == [details])
      }
    }
  }
}
