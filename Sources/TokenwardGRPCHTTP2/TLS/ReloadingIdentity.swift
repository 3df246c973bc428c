// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import Logging
public import ServiceLifecycle
public import TokenwardCore

/// A certificate chain and its private key, read from two PEM files and read again when they change:
/// a renewed certificate is shown in the next handshake, without a restart, and open connections go
/// on undisturbed.
///
/// ```swift
/// let identity = try ReloadingIdentity(certificateChain: "tls/tls.crt", privateKey: "tls/tls.key")
/// let transport: GuardedServerTransport = try .http2NIOPosix(
///   guardedBy: requestGuard,
///   address: .ipv4(host: "0.0.0.0", port: 8443),
///   transportSecurity: .tls(identity: identity)
/// )
/// // Run `identity` beside the server, in a ServiceGroup.
/// ```
///
/// Both are replaced together, and only if everything is right: both files can be read, the key fits
/// the first certificate, and that certificate is valid now. Otherwise the last good pair stays, the
/// problem is in ``status`` and, once, in the log; the files are tried again at each interval. So the
/// order in which a new certificate and its key are written does not matter.
///
/// The key file must belong to this user or root, must not be readable by everybody nor writable by
/// its group. There is no switch for this.
public final class ReloadingIdentity: Service, Sendable {
  private let files: ReloadedFiles<TLSIdentity>

  /// - Parameters:
  ///   - certificateChain: path of the certificates in PEM, the own one first, no private key among
  ///     them.
  ///   - privateKey: path of the key in PEM, without a passphrase.
  ///   - interval: how often the files are looked at while ``run()`` runs; a second to a day. A file
  ///     that did not change is not read.
  ///   - time: where expiry is judged by.
  ///   - logger: told about new files (info) and about problems (warning), never about secrets.
  /// - Throws: `ConfigurationError` if the files are not usable now.
  public convenience init(
    certificateChain: String,
    privateKey: String,
    interval: Duration = .seconds(10),
    time: any TimeSource = SystemTime(),
    logger: Logger = Logger(label: "tokenward.tls")
  ) throws(ConfigurationError) {
    try self.init(
      certificateChain: certificateChain,
      privateKey: privateKey,
      settings: ReloadSettings(interval: interval, time: time, logger: logger)
    )
  }

  package init(
    certificateChain: String,
    privateKey: String,
    settings: ReloadSettings
  ) throws(ConfigurationError) {
    self.files = try ReloadedFiles(
      paths: [certificateChain, privateKey],
      settings: settings
    ) { now throws(ConfigurationError) in
      try TLSIdentity.load(chain: certificateChain, key: privateKey, at: now)
    }
  }

  /// How the files stand.
  public var status: TLSFileStatus { self.files.status }

  /// Reads both files now, whether or not they changed: for SIGHUP.
  /// - Returns: whether they are usable; if not, ``status`` says why.
  @discardableResult
  public func reload() -> Bool { self.files.reload() }

  /// Looks at the files at each interval until it is cancelled or shut down gracefully.
  public func run() async { await self.files.run() }

  /// Looks at the files once, as ``run()`` does at each interval.
  package func poll() { self.files.poll() }

  var present: TLSIdentity { self.files.value }
}

extension ReloadingIdentity: CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// Nothing but the name of the type.
  public var description: String { "<ReloadingIdentity>" }
  /// Nothing but the name of the type.
  public var debugDescription: String { self.description }
  /// Nothing: a mirror would walk down to the key.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
