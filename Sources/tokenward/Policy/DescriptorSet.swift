// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import SwiftProtobuf
internal import TokenwardCore

/// The methods that compiled protobuf descriptors declare.
enum DescriptorSet {
  /// Longest file, in bytes; a descriptor set of a thousand services has a few megabytes.
  static let maximumLength = 64 * 1_024 * 1_024

  /// - Parameter bytes: a `google.protobuf.FileDescriptorSet`, as
  ///   `protoc --descriptor_set_out` writes it.
  /// - Throws: ``CommandFailure`` if it is none, or if it declares no method.
  static func methods(in bytes: [UInt8]) throws(CommandFailure) -> [RPCMethod] {
    guard bytes.count <= self.maximumLength else {
      throw CommandFailure("the descriptor set is longer than \(self.maximumLength) bytes")
    }
    guard let set = try? Google_Protobuf_FileDescriptorSet(serializedBytes: bytes) else {
      throw CommandFailure("the file is no protobuf descriptor set", hint: self.hint)
    }
    var methods: Set<RPCMethod> = []
    for file in set.file {
      for service in file.service {
        let serviceName = file.package.isEmpty ? service.name : "\(file.package).\(service.name)"
        for method in service.method {
          let name = "\(serviceName)/\(method.name)"
          guard let method = RPCMethod(fullName: name) else {
            throw CommandFailure("the descriptor set names no method by \(JSONText.quoted(name))")
          }
          methods.insert(method)
        }
      }
    }
    guard !methods.isEmpty else {
      throw CommandFailure("the descriptor set declares no service", hint: self.hint)
    }
    return methods.sorted()
  }

  private static let hint = "make one with: protoc --include_imports --descriptor_set_out=FILE …"
}
