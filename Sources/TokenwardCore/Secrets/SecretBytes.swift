// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// A secret in memory that is written over when nobody needs it any more. It cannot be copied by
/// accident and has no readable description.
///
/// Writing over is a best effort: the bytes may have been elsewhere before, in a buffer of the
/// network or of a file, and the system may have swapped them out.
public struct SecretBytes: ~Copyable, Sendable {
  private let storage: Storage

  /// Copies a secret.
  /// - Parameter bytes: the secret.
  public init(_ bytes: some Collection<UInt8>) { self.storage = Storage(bytes) }

  /// How many bytes it has.
  public var count: Int { self.storage.bytes.withLock(\.count) }

  /// Lends the secret for as long as `body` runs. Whoever calls this is responsible for every copy
  /// that it makes; the name is easy to search for.
  /// - Parameter body: must not come back to this value: it is locked meanwhile.
  public func withExposedBytes<Result, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    try self.storage.bytes.withLock { bytes throws(Failure) in try body(bytes.span) }
  }

  /// Whether the secret is the same as these bytes, in a time that depends on the lengths only.
  public func matches(_ other: Span<UInt8>) -> Bool {
    self.withExposedBytes { bytes in
      guard bytes.count == other.count else { return false }
      var difference: UInt8 = 0
      for index in bytes.indices { difference |= bytes[index] ^ other[index] }
      return difference == 0
    }
  }

  // A class for its deinit, which has to reach the one buffer there is.
  private final class Storage: Sendable {
    let bytes: Mutex<[UInt8]>

    init(_ bytes: some Collection<UInt8>) {
      // Element by element, so that the buffer is shared with nobody: writing over a shared one
      // would make a copy and leave the secret where it is.
      var copy: [UInt8] = []
      copy.reserveCapacity(max(bytes.count, 1))
      for byte in bytes { copy.append(byte) }
      self.bytes = Mutex(copy)
    }

    deinit {
      self.bytes.withLock { bytes in
        unsafe bytes.withUnsafeMutableBytes { buffer in
          guard let start = buffer.baseAddress else { return }
          // Not an ordinary write, which the optimiser may drop: nobody reads it any more.
          #if canImport(Darwin)
          _ = unsafe memset_s(start, buffer.count, 0, buffer.count)
          #else
          unsafe explicit_bzero(start, buffer.count)
          #endif
        }
      }
    }
  }
}
