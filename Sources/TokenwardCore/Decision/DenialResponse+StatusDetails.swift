// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

extension DenialResponse {
  /// `google.rpc.Status` with its details in protobuf's wire form, as `grpc-status-details-bin`
  /// carries it. The message is a constant of the response, so the few fields are written directly
  /// instead of making every user of the core link a protobuf runtime.
  public var statusDetails: [UInt8] {
    var status = ProtobufWriter()
    status.append(varint: UInt64(clamping: self.grpcStatus), field: 1)
    status.append(text: self.message, field: 2)
    if let reason = self.errorInfoReason {
      var errorInfo = ProtobufWriter()
      errorInfo.append(text: reason, field: 1)
      errorInfo.append(text: Self.errorDomain, field: 2)
      status.append(any: "type.googleapis.com/google.rpc.ErrorInfo", errorInfo, field: 3)
    }
    if let seconds = self.retryAfterSeconds {
      var duration = ProtobufWriter()
      duration.append(varint: UInt64(clamping: seconds), field: 1)
      var retryInfo = ProtobufWriter()
      retryInfo.append(bytes: duration.bytes, field: 1)
      status.append(any: "type.googleapis.com/google.rpc.RetryInfo", retryInfo, field: 3)
    }
    return status.bytes
  }
}

/// The two wire types that the status needs (protobuf encoding, "Message Structure").
private struct ProtobufWriter {
  private(set) var bytes: [UInt8] = []

  mutating func append(varint value: UInt64, field: UInt64) {
    self.appendRaw(varint: field << 3)
    self.appendRaw(varint: value)
  }

  mutating func append(bytes value: [UInt8], field: UInt64) {
    self.appendRaw(varint: field << 3 | 2)
    self.appendRaw(varint: UInt64(value.count))
    self.bytes.append(contentsOf: value)
  }

  mutating func append(text: String, field: UInt64) {
    self.append(bytes: Array(text.utf8), field: field)
  }

  mutating func append(any typeURL: String, _ message: ProtobufWriter, field: UInt64) {
    var any = ProtobufWriter()
    any.append(text: typeURL, field: 1)
    any.append(bytes: message.bytes, field: 2)
    self.append(bytes: any.bytes, field: field)
  }

  private mutating func appendRaw(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      self.bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    self.bytes.append(UInt8(truncatingIfNeeded: rest))
  }
}
