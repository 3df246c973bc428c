// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import GRPCCore
internal import TokenwardCore

/// What a server said about a denied call, read from the status details of an `RPCError`.
///
/// ```swift
/// } catch let error as RPCError {
///   if DenialDetails(error)?.reason == "ACCESS_TOKEN_EXPIRED" { … }  // renew and try again
/// }
/// ```
///
/// The details come from the network: they are a hint what to do next, not a proof of anything.
public struct DenialDetails: Sendable, Hashable {
  /// `google.rpc.ErrorInfo.reason`, such as `ACCESS_TOKEN_EXPIRED`.
  public let reason: String
  /// `google.rpc.ErrorInfo.domain`; `tokenward.dev` for denials of this library.
  public let domain: String
  /// `google.rpc.RetryInfo.retry_delay`, at most one day; nil if none was given.
  public let retryAfter: Duration?

  /// The longest status that is read, in bytes.
  public static let maximumLength = 8_192

  /// Answers nil if the error carries no `google.rpc.Status` with an `ErrorInfo`, or anything that
  /// is not well-formed.
  public init?(_ error: RPCError) {
    var values = error.metadata[binaryValues: "grpc-status-details-bin"].makeIterator()
    guard let bytes = values.next(), values.next() == nil else { return nil }
    self.init(statusDetails: bytes)
  }

  package init?(statusDetails bytes: [UInt8]) {
    guard bytes.count <= Self.maximumLength else { return nil }
    var status = ProtobufReader(bytes[...])
    var info: (reason: String, domain: String)?
    var retryAfter: Duration?
    while let field = status.next() {
      guard field.number == 3, case .bytes(let any) = field.value else { continue }
      guard let (type, content) = Self.readAny(any) else { return nil }
      if type.hasSameBytes(as: "type.googleapis.com/google.rpc.ErrorInfo") {
        guard info == nil, let read = Self.readErrorInfo(content) else { return nil }
        info = read
      } else if type.hasSameBytes(as: "type.googleapis.com/google.rpc.RetryInfo") {
        guard retryAfter == nil, let read = Self.readRetryInfo(content) else { return nil }
        retryAfter = read
      }
    }
    guard status.isWellFormed, let info else { return nil }
    self.reason = info.reason
    self.domain = info.domain
    self.retryAfter = retryAfter
  }

  private static func readAny(_ bytes: ArraySlice<UInt8>) -> (String, ArraySlice<UInt8>)? {
    var any = ProtobufReader(bytes)
    var type: String?
    var content = bytes[bytes.endIndex...]
    while let field = any.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let text)): type = String(validating: text, as: UTF8.self)
      case (2, .bytes(let value)): content = value
      default: continue
      }
    }
    guard any.isWellFormed, let type else { return nil }
    return (type, content)
  }

  private static func readErrorInfo(_ bytes: ArraySlice<UInt8>) -> (String, String)? {
    var message = ProtobufReader(bytes)
    var reason: String?
    var domain: String? = ""
    while let field = message.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let text)): reason = String(validating: text, as: UTF8.self)
      case (2, .bytes(let text)): domain = String(validating: text, as: UTF8.self)
      default: continue
      }
    }
    guard message.isWellFormed, let reason, let domain else { return nil }
    return (reason, domain)
  }

  private static func readRetryInfo(_ bytes: ArraySlice<UInt8>) -> Duration? {
    var message = ProtobufReader(bytes)
    var delay = Duration.zero
    while let field = message.next() {
      guard field.number == 1, case .bytes(let bytes) = field.value else { continue }
      var duration = ProtobufReader(bytes)
      var seconds: Int64 = 0
      var nanoseconds: Int64 = 0
      while let field = duration.next() {
        switch (field.number, field.value) {
        case (1, .varint(let value)): seconds = Int64(bitPattern: value)
        case (2, .varint(let value)): nanoseconds = Int64(bitPattern: value)
        default: continue
        }
      }
      guard duration.isWellFormed, (0 ... 999_999_999).contains(nanoseconds), seconds >= 0 else {
        return nil
      }
      delay = min(.seconds(min(seconds, 86_400)) + .nanoseconds(nanoseconds), .seconds(86_400))
    }
    return message.isWellFormed ? delay : nil
  }
}

/// Reads the fields of one message (protobuf encoding, "Message Structure"), one after the other.
private struct ProtobufReader {
  enum Value {
    case varint(UInt64)
    case bytes(ArraySlice<UInt8>)
    case fixed
  }

  private var rest: ArraySlice<UInt8>
  private(set) var isWellFormed = true

  init(_ bytes: ArraySlice<UInt8>) { self.rest = bytes }

  /// The next field; nil at the end, and where the message is not well-formed.
  mutating func next() -> (number: UInt64, value: Value)? {
    guard self.isWellFormed, !self.rest.isEmpty else { return nil }
    guard let tag = self.readVarint(), tag >> 3 != 0, let value = self.readValue(tag & 7) else {
      self.isWellFormed = false
      return nil
    }
    return (tag >> 3, value)
  }

  private mutating func readValue(_ wireType: UInt64) -> Value? {
    switch wireType {
    case 0: return self.readVarint().map(Value.varint)
    case 1: return self.skip(8) ? .fixed : nil
    case 5: return self.skip(4) ? .fixed : nil
    case 2:
      guard let count = self.readVarint().flatMap({ Int(exactly: $0) }),
        count <= self.rest.count
      else { return nil }
      let bytes = self.rest.prefix(count)
      self.rest = self.rest.dropFirst(count)
      return .bytes(bytes)
    default: return nil  // Groups are not used by these messages.
    }
  }

  private mutating func skip(_ count: Int) -> Bool {
    guard count <= self.rest.count else { return false }
    self.rest = self.rest.dropFirst(count)
    return true
  }

  private mutating func readVarint() -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), through: 63, by: 7) {
      guard let byte = self.rest.popFirst() else { return nil }
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
    }
    return nil
  }
}
