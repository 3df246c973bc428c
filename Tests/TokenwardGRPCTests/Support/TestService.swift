// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Synchronization
internal import TokenwardCore

/// A service of text messages with one handler for each method, which counts what is done for it.
final class TestService: RegistrableRPCService {
  typealias Handler =
    @Sendable (StreamingServerRequest<String>, ServerContext) async throws ->
    StreamingServerResponse<String>

  private let handlers: [String: Handler]
  private let counts = Mutex((handled: 0, deserialized: 0))

  /// - Parameter handlers: by `package.Service/Method`.
  init(_ handlers: [String: Handler]) { self.handlers = handlers }

  /// How often a handler was called.
  var handled: Int { self.counts.withLock { $0.handled } }
  /// How many messages were decoded.
  var deserialized: Int { self.counts.withLock { $0.deserialized } }

  func registerMethods(with router: inout RPCRouter<some ServerTransport>) {
    for (name, handler) in self.handlers {
      let slash = name.firstIndex(of: "/") ?? name.endIndex
      router.registerHandler(
        forMethod: MethodDescriptor(
          fullyQualifiedService: String(name[..<slash]),
          method: String(name[slash...].dropFirst())
        ),
        deserializer: CountingDeserializer { self.counts.withLock { $0.deserialized += 1 } },
        serializer: TextSerializer()
      ) { request, context in
        self.counts.withLock { $0.handled += 1 }
        return try await handler(request, context)
      }
    }
  }

  /// Answers each message with itself.
  static let echo: Handler = { request, _ in
    StreamingServerResponse { writer in
      for try await message in request.messages { try await writer.write(message) }
      return [:]
    }
  }
}

struct CountingDeserializer: MessageDeserializer {
  let onMessage: @Sendable () -> Void

  func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> String {
    self.onMessage()
    return bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}

struct TextSerializer: MessageSerializer {
  func serialize<Bytes: GRPCContiguousBytes>(_ message: String) throws -> Bytes {
    Bytes(message.utf8)
  }
}

struct TextDeserializer: MessageDeserializer {
  func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> String {
    bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}
