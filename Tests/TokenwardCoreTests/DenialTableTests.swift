// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore

/// Pins what a caller is told about every denial, value by value: it is an interface.
@Suite("denials")
struct DenialTableTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var reasons: [DenialReason]
    var grpc: Int
    var http: Int
    var info: String?
    var challenge: String?
    var message: String
    var retry: Int?

    var testDescription: String { self.reasons.map(\.rawValue).joined(separator: ", ") }
  }

  static let rows = [
    Row(
      reasons: [.requestMalformed],
      grpc: 3,
      http: 400,
      info: "REQUEST_MALFORMED",
      message: "request is malformed"
    ),
    Row(
      reasons: [.credentialMissing],
      grpc: 16,
      http: 401,
      info: "CREDENTIALS_MISSING",
      challenge: "Bearer",
      message: "request is not authenticated"
    ),
    Row(
      reasons: [.credentialConflicting, .credentialMalformed],
      grpc: 16,
      http: 401,
      info: "ACCESS_TOKEN_INVALID",
      challenge: "Bearer error=\"invalid_request\"",
      message: "request is not authenticated"
    ),
    Row(
      reasons: [
        .tokenMalformed, .tokenTooLarge, .algorithmForbidden, .keyUnknown, .signatureInvalid,
        .issuerUnknown, .audienceMismatch, .typeMismatch, .tokenNotYetValid, .lifetimeExceeded,
        .claimMissing, .claimMalformed, .tokenRevoked, .tokenUnknown, .checksumInvalid,
        .bindingMismatch, .addressForbidden,
      ],
      grpc: 16,
      http: 401,
      info: "ACCESS_TOKEN_INVALID",
      challenge: "Bearer error=\"invalid_token\"",
      message: "request is not authenticated"
    ),
    Row(
      reasons: [.tokenExpired],
      grpc: 16,
      http: 401,
      info: "ACCESS_TOKEN_EXPIRED",
      challenge: "Bearer error=\"invalid_token\"",
      message: "request is not authenticated"
    ),
    Row(
      reasons: [.scopeInsufficient, .roleMissing, .methodUnlisted],
      grpc: 7,
      http: 403,
      info: "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
      challenge: "Bearer error=\"insufficient_scope\"",
      message: "permission denied"
    ),
    Row(
      reasons: [.rateLimited],
      grpc: 8,
      http: 429,
      info: "RATE_LIMIT_EXCEEDED",
      message: "too many requests",
      retry: 1
    ),
    Row(
      reasons: [.dependencyUnavailable, .clockUnavailable],
      grpc: 14,
      http: 503,
      info: "AUTH_BACKEND_UNAVAILABLE",
      message: "authentication is temporarily unavailable",
      retry: 1
    ),
    Row(reasons: [.deadlineExceeded], grpc: 4, http: 504, message: "deadline exceeded"),
    Row(reasons: [.callCancelled], grpc: 1, http: 499, message: "call cancelled"),
    Row(reasons: [.internalInvariant], grpc: 13, http: 500, message: "internal error"),
  ]

  @Test("each reason is answered as the design's table says", arguments: Self.rows)
  func table(row: Row) {
    for reason in row.reasons {
      let response = reason.response
      #expect(response.grpcStatus == row.grpc, "\(reason)")
      #expect(response.httpStatus == row.http, "\(reason)")
      #expect(response.errorInfoReason == row.info, "\(reason)")
      #expect(response.wwwAuthenticate == row.challenge, "\(reason)")
      #expect(response.message == row.message, "\(reason)")
      #expect(response.retryAfterSeconds == row.retry, "\(reason)")
    }
  }

  @Test("the table has every reason once")
  func completeness() {
    let reasons = Self.rows.flatMap(\.reasons)
    #expect(Set(reasons) == Set(DenialReason.allCases))
    #expect(reasons.count == DenialReason.allCases.count)
    #expect(DenialResponse.errorDomain == "tokenward.dev")
  }

  @Test("labels of reasons and doors are as published")
  func labels() {
    #expect(
      DenialReason.allCases.map(\.rawValue) == [
        "requestMalformed", "credentialMissing", "credentialConflicting", "credentialMalformed",
        "tokenMalformed", "tokenTooLarge", "algorithmForbidden", "keyUnknown", "signatureInvalid",
        "issuerUnknown", "audienceMismatch", "typeMismatch", "tokenNotYetValid", "lifetimeExceeded",
        "claimMissing", "claimMalformed", "tokenRevoked", "tokenUnknown", "checksumInvalid",
        "bindingMismatch", "addressForbidden", "tokenExpired", "scopeInsufficient", "roleMissing",
        "methodUnlisted", "rateLimited", "dependencyUnavailable", "clockUnavailable",
        "deadlineExceeded", "callCancelled", "internalInvariant",
      ]
    )
    #expect(Door.allCases.map(\.rawValue) == ["grpc", "gateway", "extAuthz", "command"])
  }

  // Computed by hand from google/rpc/status.proto and error_details.proto.
  @Test(
    "status details are the protobuf that other languages read",
    arguments: Self.encodings
  )
  func statusDetails(reason: DenialReason, expected: String) {
    let hex = reason.response.statusDetails.map { byte in
      String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
    }.joined()
    #expect(hex == expected)
  }

  @Test("status details carry status, message, ErrorInfo and RetryInfo", arguments: Self.rows)
  func decodedStatusDetails(row: Row) throws {
    for reason in row.reasons {
      let fields = try Self.fields(reason.response.statusDetails)
      #expect(fields.map(\.number).prefix(2) == [1, 2])
      #expect(fields[0].varint == UInt64(row.grpc))
      #expect(fields[1].bytes == Array(row.message.utf8))
      let details = try fields.dropFirst(2).map { try Self.fields($0.bytes) }
      #expect(details.count == (row.info == nil ? 0 : 1) + (row.retry == nil ? 0 : 1))
      if let info = row.info {
        #expect(
          details[0][0].bytes == Array("type.googleapis.com/google.rpc.ErrorInfo".utf8)
        )
        let errorInfo = try Self.fields(details[0][1].bytes)
        #expect(errorInfo.map(\.bytes) == [Array(info.utf8), Array("tokenward.dev".utf8)])
      }
      if let retry = row.retry {
        #expect(
          details[1][0].bytes == Array("type.googleapis.com/google.rpc.RetryInfo".utf8)
        )
        let duration = try Self.fields(try Self.fields(details[1][1].bytes)[0].bytes)
        #expect(duration[0].varint == UInt64(retry))
      }
    }
  }

  static let encodings: [(DenialReason, String)] = [
    (.tokenExpired, Self.expired), (.clockUnavailable, Self.unavailable),
    (.internalInvariant, "080d120e696e7465726e616c206572726f72"),
  ]

  private static let expired = """
    0810121c72657175657374206973206e6f742061757468656e746963617465641a51\
    0a28747970652e676f6f676c65617069732e636f6d2f676f6f676c652e7270632e4572726f72496e666f\
    12250a144143434553535f544f4b454e5f45585049524544120d746f6b656e776172642e646576
    """

  private static let unavailable = """
    080e122961757468656e7469636174696f6e2069732074656d706f726172696c7920756e617661696c61626c65\
    1a550a28747970652e676f6f676c65617069732e636f6d2f676f6f676c652e7270632e4572726f72496e666f\
    12290a18415554485f4241434b454e445f554e415641494c41424c45\
    120d746f6b656e776172642e6465761a30\
    0a28747970652e676f6f676c65617069732e636f6d2f676f6f676c652e7270632e5265747279496e666f\
    12040a020801
    """

  private struct Field {
    var number: UInt64
    var varint: UInt64 = 0
    var bytes: [UInt8] = []
  }

  private struct Malformed: Error {}

  /// Reads the two wire types that occur (protobuf encoding, "Message Structure").
  private static func fields(_ bytes: [UInt8]) throws -> [Field] {
    var rest = bytes[...]
    func varint() throws -> UInt64 {
      var value: UInt64 = 0
      for shift in stride(from: UInt64(0), to: 63, by: 7) {
        guard let byte = rest.popFirst() else { throw Malformed() }
        value |= UInt64(byte & 0x7F) << shift
        if byte < 0x80 { return value }
      }
      throw Malformed()
    }
    var fields: [Field] = []
    while !rest.isEmpty {
      let key = try varint()
      switch key & 7 {
      case 0: fields.append(Field(number: key >> 3, varint: try varint()))
      case 2:
        let count = Int(try varint())
        guard count <= rest.count else { throw Malformed() }
        fields.append(Field(number: key >> 3, bytes: Array(rest.prefix(count))))
        rest = rest.dropFirst(count)
      default: throw Malformed()
      }
    }
    return fields
  }
}
