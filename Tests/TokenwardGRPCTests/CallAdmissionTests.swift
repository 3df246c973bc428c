// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardTestKit

/// What becomes of metadata on its way to the guard.
@Suite("What the guard is told of a call", .timeLimit(.minutes(1)))
struct CallAdmissionTests {
  static let method = "test.Service/Echo"
  typealias Header = (name: String, value: Metadata.Value)

  static let good: Header = ("authorization", .string("Bearer good"))

  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let headers: [Header]
    let reason: DenialReason?
  }

  static let rows: [Row] = [
    Row(testDescription: "a token", headers: [good], reason: nil),
    Row(
      testDescription: "a token that is binary metadata",
      headers: [("authorization-bin", .binary(Array("Bearer good".utf8)))],
      reason: .credentialConflicting
    ),
    Row(
      testDescription: "a token beside other binary metadata",
      headers: [good, ("x-other-bin", .binary([1]))],
      reason: nil
    ),
    Row(
      testDescription: "three paths",
      headers: [good] + [Header](repeating: (":path", .string("/\(method)")), count: 3),
      reason: .methodUnlisted
    ),
    Row(
      testDescription: "another pseudo-header",
      headers: [good, (":paths", .string("/x.X/Y")), (":Path", .string("/x.X/Y"))],
      reason: nil
    ),
  ]

  @Test("is in all of its metadata, text or not", arguments: Self.rows)
  func decided(_ row: Row) async throws {
    try await withScriptedServer { server in
      let call = server.transport.open(Self.method)
      call.send(.metadata(Metadata(row.headers.map { ($0.name, $0.value) })))
      call.finish()
      await call.end()
      #expect(server.observer.reasons == [row.reason].compactMap(\.self))
      #expect(server.service.handled == (row.reason == nil ? 1 : 0))
    }
  }
}
