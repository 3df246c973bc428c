// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import Logging
internal import NIOSSL
public import ServiceLifecycle
public import TokenwardCore
internal import X509

/// The certificate authorities that the other end of a connection is verified against, read from a
/// PEM file and read again when it changes: an authority that was taken out of the file vouches for
/// nobody in the next handshake, without a restart.
///
/// New content is taken only if the whole file can be read and holds certificate authorities and
/// nothing else. Otherwise the last good roots stay, the problem is in ``status`` and, once, in the
/// log; the file is tried again at each interval. An empty file is a problem, not an order to trust
/// nobody.
///
/// Connections that are open stay open until they reach their age, an hour with the hardened limits.
public final class ReloadingTrustRoots: Service, Sendable {
  private let files: ReloadedFiles<TrustRoots>

  /// - Parameters:
  ///   - file: path of the authorities' certificates in PEM, at most 1,000.
  ///   - interval: how often the file is looked at while ``run()`` runs; a second to a day. A file
  ///     that did not change is not read.
  ///   - time: the clock of ``status``.
  ///   - logger: told about new files (info) and about problems (warning).
  /// - Throws: `ConfigurationError` if the file is not usable now.
  public convenience init(
    file: String,
    interval: Duration = .seconds(10),
    time: any TimeSource = SystemTime(),
    logger: Logger = Logger(label: "tokenward.tls")
  ) throws(ConfigurationError) {
    try self.init(
      file: file,
      settings: ReloadSettings(interval: interval, time: time, logger: logger)
    )
  }

  package init(file: String, settings: ReloadSettings) throws(ConfigurationError) {
    self.files = try ReloadedFiles(
      paths: [file],
      settings: settings
    ) { _ throws(ConfigurationError) in
      try TrustRoots.load(file)
    }
  }

  /// How the file stands.
  public var status: TLSFileStatus { self.files.status }

  /// Reads the file now, whether or not it changed: for SIGHUP.
  /// - Returns: whether it is usable; if not, ``status`` says why.
  @discardableResult
  public func reload() -> Bool { self.files.reload() }

  /// Looks at the file at each interval until it is cancelled or shut down gracefully.
  public func run() async { await self.files.run() }

  /// Looks at the files once, as ``run()`` does at each interval.
  package func poll() { self.files.poll() }

  var present: TrustRoots { self.files.value }
}

/// Who may vouch for the other end.
struct TrustRoots: Sendable {
  let certificates: [NIOSSLCertificate]
  let store: CertificateStore

  static let maximumLength = 4_194_304

  static func load(_ path: String) throws(ConfigurationError) -> ReloadedFiles<TrustRoots>.Loaded {
    let roots = try CertificateFile.read(path, as: "tls.roots", limit: Self.maximumLength)
    for root in roots {
      // Somebody who names the server's own certificate gets an answer here, not in a handshake.
      guard case .isCertificateAuthority = try? root.x509.extensions.basicConstraints else {
        throw ConfigurationError(
          path: "tls.roots",
          problem: "\(path) holds a certificate that is not one of an authority",
          hint: "name the file with the certificate of the authority that signed the others"
        )
      }
    }
    return .init(
      value: TrustRoots(
        certificates: roots.map(\.nio),
        store: CertificateStore(roots.map(\.x509))
      ),
      notAfter: roots.map(\.notAfter).min() ?? UnixTime(seconds: 0)
    )
  }
}
