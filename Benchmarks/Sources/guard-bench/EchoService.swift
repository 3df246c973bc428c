// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore

/// One unary method that answers with what it was sent. It does next to nothing, so that what the
/// guard adds is as large a part of the whole as it can be.
struct EchoService: RegistrableRPCService {
  /// With its type, as generated code says it.
  static let method = MethodDescriptor(
    fullyQualifiedService: "tokenward.bench.v1.Echo",
    method: "Get",
    type: .unary
  )

  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    router.registerHandler(
      forMethod: Self.method,
      deserializer: BytesCoder(),
      serializer: BytesCoder(),
      handler: { request, _ in
        let request = try await ServerRequest(stream: request)
        return StreamingServerResponse(single: ServerResponse(message: request.message))
      }
    )
  }
}

/// Messages as they are.
struct BytesCoder: MessageSerializer, MessageDeserializer {
  func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes {
    Bytes(message)
  }

  func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> [UInt8] {
    bytes.withUnsafeBytes { Array($0) }
  }
}
