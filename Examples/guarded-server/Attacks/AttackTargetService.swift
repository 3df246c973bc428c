// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import TokenwardAttacks

/// The methods that the attack table calls. Each reads one message of any content and answers with
/// an empty one, so that an attack which gets through is answered with OK and seen.
struct AttackTargetService: RegistrableRPCService {
  let methods: AttackMethods

  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    let names = [
      self.methods.scoped, self.methods.authenticated, self.methods.roled,
      self.methods.forEndUsers, self.methods.anonymous,
    ]
    for name in names {
      guard let descriptor = MethodDescriptor(attackedName: name) else { continue }
      router.registerHandler(
        forMethod: descriptor,
        deserializer: EmptyMessageCoder(),
        serializer: EmptyMessageCoder(),
        handler: { request, _ in
          for try await _ in request.messages {}
          return StreamingServerResponse(single: ServerResponse(message: EmptyMessage()))
        }
      )
    }
  }
}

extension MethodDescriptor {
  /// - Parameter name: `package.Service/Method`; nil without a slash.
  fileprivate init?(attackedName name: String) {
    let parts = name.split(separator: "/")
    guard parts.count == 2, let service = parts.first, let method = parts.last else { return nil }
    self.init(fullyQualifiedService: String(service), method: String(method))
  }
}

/// A message without content, whatever was sent.
struct EmptyMessage: Sendable {}

/// Reads anything and writes nothing.
struct EmptyMessageCoder: MessageSerializer, MessageDeserializer {
  func serialize<Bytes: GRPCContiguousBytes>(_ message: EmptyMessage) throws -> Bytes {
    Bytes(repeating: 0, count: 0)
  }

  func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> EmptyMessage {
    EmptyMessage()
  }
}
