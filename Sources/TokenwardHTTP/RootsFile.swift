// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

package import NIOSSL
package import TokenwardCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// The trust roots, and whether they have changed since they were read.
package struct RootsFile: Sendable {
  /// What identifies one state of the file; the same for ever for the system's roots.
  package struct Version: Equatable, Sendable {
    fileprivate var file: FileVersion?

    /// Whether a later change of the file will show. What was read before that is not kept.
    package var isSettled: Bool { self.file?.isSettled(for: .seconds(2)) ?? true }
  }

  private let roots: HTTPRoots

  package init(_ roots: HTTPRoots) { self.roots = roots }

  /// The present state; nil if the file cannot be looked at.
  package func version() -> Version? {
    guard case .file(let path) = self.roots else { return Version() }
    return FileVersion(path: path).map { Version(file: $0) }
  }

  /// The roots and the state of the file that they were read from; nil if they cannot be used. Roots
  /// that were good before are not used again: the operator has changed them.
  package func read() -> (NIOSSLTrustRoots, Version)? {
    guard case .file(let path) = self.roots else { return (.default, Version()) }
    guard let version = self.version(),
      let bytes = try? ReadableFile.read(path, limit: 1 << 20, privacy: .publicContent),
      let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty,
      self.version() == version
    else { return nil }
    return (.certificates(certificates), version)
  }

  package var configurationError: ConfigurationError {
    guard case .file(let path) = self.roots else {
      return ConfigurationError([
        .init(
          path: "ca",
          problem: "the system's certificate authorities cannot be used",
          hint: "install ca-certificates, or name a PEM file"
        )
      ])
    }
    var problem = "is no PEM file of certificates"
    var hint = "name the file of the authority that signed the server's certificate"
    do throws(ReadableFile.Failure) {
      _ = try ReadableFile.read(path, limit: 1 << 20, privacy: .publicContent)
    } catch {
      problem = error.problem
      hint = error.hint
    }
    return ConfigurationError([.init(path: "ca", problem: "\(path) \(problem)", hint: hint)])
  }
}
