// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import GRPCProtobuf
internal import SwiftProtobuf
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC

@Suite("The details of a denial")
struct DenialDetailsTests {
  @Test("are the google.rpc messages that other libraries read", arguments: DenialReason.allCases)
  func interoperable(_ reason: DenialReason) throws {
    let response = reason.response
    let status = try #require(try response.rpcError.unpackGoogleRPCStatus())
    #expect(status.code.rawValue == response.grpcStatus)
    #expect(status.message == response.message)
    #expect(
      status.details.compactMap(\.errorInfo).map(\.reason)
        == [response.errorInfoReason].compactMap(\.self)
    )
    #expect(status.details.compactMap(\.errorInfo).allSatisfy { $0.domain == "tokenward.dev" })
    #expect(
      status.details.compactMap(\.retryInfo).map(\.delay)
        == [response.retryAfterSeconds].compactMap(\.self).map { .seconds($0) }
    )
  }

  @Test("are read back", arguments: DenialReason.allCases)
  func roundTrip(_ reason: DenialReason) {
    let response = reason.response
    let details = DenialDetails(response.rpcError)
    #expect(details?.reason == response.errorInfoReason)
    #expect(details?.domain == response.errorInfoReason.map { _ in "tokenward.dev" })
    #expect(details?.retryAfter == response.retryAfterSeconds.map { .seconds($0) })
  }

  @Test("of other servers are read too")
  func foreign() throws {
    let error = RPCError(
      GoogleRPCStatus(
        code: .unavailable,
        message: "later",
        details: [
          .debugInfo(ErrorDetails.DebugInfo(stack: ["a"], detail: "b")),
          .errorInfo(
            ErrorDetails.ErrorInfo(reason: "QUOTA", domain: "x.example", metadata: ["a": "b"])
          ),
          .retryInfo(ErrorDetails.RetryInfo(delay: .milliseconds(1_500))),
        ]
      )
    )
    let details = try #require(DenialDetails(error))
    #expect(details.reason == "QUOTA")
    #expect(details.domain == "x.example")
    #expect(details.retryAfter == .milliseconds(1_500))
  }

  @Test("that are cut short or changed anywhere are refused or read, never trapped over")
  func mutations() {
    let good = DenialReason.dependencyUnavailable.response.statusDetails
    #expect(DenialDetails(statusDetails: good) != nil)
    for count in 0 ..< good.count {
      _ = DenialDetails(statusDetails: Array(good.prefix(count)))
    }
    for index in good.indices {
      for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
        var bytes = good
        bytes[index] = value
        _ = DenialDetails(statusDetails: bytes)
      }
    }
  }

  static let malformed: [[UInt8]] = [
    [],
    [0x1A],
    [0x1A, 0x01],
    [0x1A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
    [0x1A, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
    [0x00, 0x00],
    [0x1B, 0x1C],
    DenialReason.tokenExpired.response.statusDetails + [0x08],
    DenialReason.tokenExpired.response.statusDetails
      + DenialReason.tokenExpired.response.statusDetails,
    DenialReason.tokenExpired.response.statusDetails
      + [UInt8](repeating: 0x20, count: DenialDetails.maximumLength),
  ]

  @Test("that are no status with one reason are no details", arguments: malformed)
  func refused(_ bytes: [UInt8]) {
    #expect(DenialDetails(statusDetails: bytes) == nil)
  }

  @Test("given twice are no details")
  func twice() {
    var error = DenialReason.tokenExpired.response.rpcError
    #expect(DenialDetails(error)?.reason == "ACCESS_TOKEN_EXPIRED")
    error.metadata.addBinary(
      DenialReason.tokenRevoked.response.statusDetails,
      forKey: "grpc-status-details-bin"
    )
    #expect(DenialDetails(error) == nil)
  }

  @Test("with an absurd delay are cut to a day, and a negative delay is refused")
  func delays() {
    func details(_ duration: [UInt8]) -> DenialDetails? {
      let type = Array("type.googleapis.com/google.rpc.RetryInfo".utf8)
      let retry = [0x0A, UInt8(duration.count)] + duration
      let any = [0x0A, UInt8(type.count)] + type + [0x12, UInt8(retry.count)] + retry
      return DenialDetails(
        statusDetails: DenialReason.tokenExpired.response.statusDetails
          + [0x1A, UInt8(any.count)] + any
      )
    }
    let largest: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]
    #expect(details([0x08, 0x05])?.retryAfter == .seconds(5))
    #expect(details([0x08] + largest)?.retryAfter == .seconds(86_400))
    #expect(details([0x08] + largest.dropLast() + [0xFF, 0x01]) == nil)
    #expect(details([0x10] + largest) == nil)
  }
}
