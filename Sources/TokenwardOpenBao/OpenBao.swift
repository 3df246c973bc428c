// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import ServiceLifecycle
internal import Synchronization
public import TokenwardCore
public import TokenwardHTTP

/// A login to an OpenBao server, and the secrets that it opens.
///
/// Add it to a `ServiceGroup`: while ``run()`` runs, the login is renewed after two thirds of its
/// lease, made again where renewing is refused, and made again after failures with growing pauses of
/// up to a minute. Secrets can be read before and without that; then a login is made when one is
/// needed.
///
/// Nothing of a secret is kept. While OpenBao is sealed, unreachable, or has revoked the login, there
/// is no secret, and whoever needs one fails; when OpenBao is back, so are they.
public final class OpenBao: Service {
  let session: Session

  /// - Parameters:
  ///   - address: scheme, host and port, such as `https://bao.example.com:8200`. Plain `http` is
  ///     possible to loopback addresses and with a reason only (`RemoteURL.Plaintext`).
  ///   - roots: who may vouch for the server.
  ///   - namespace: the namespace of login and secrets, such as `team/orders`.
  ///   - login: how this process proves who it is.
  ///   - observer: is told what happens.
  /// - Throws: everything that is wrong with these, together. Nobody is asked yet.
  public convenience init(
    address: RemoteURL,
    roots: HTTPRoots = .system,
    namespace: String? = nil,
    login: OpenBaoLogin,
    observer: (any OpenBaoObserver)? = nil
  ) throws(ConfigurationError) {
    var problems: [ConfigurationError.Problem] = []
    var transport: HTTPSClient?
    do throws(ConfigurationError) {
      transport = try HTTPSClient(roots: roots)
    } catch {
      problems = error.problems
    }
    problems += Self.problems(address: address, namespace: namespace, login: login)
    guard let transport, problems.isEmpty else { throw ConfigurationError(problems) }
    try self.init(
      address: address,
      namespace: namespace,
      login: login,
      observer: observer,
      transport: transport
    )
  }

  /// - Parameters:
  ///   - transport: asks the server.
  ///   - time: the clocks.
  ///   - waiting: lets time pass between renewals and after failures.
  ///   - jitter: a number between 0 and 1 that makes each process wait differently.
  package init(
    address: RemoteURL,
    namespace: String? = nil,
    login: OpenBaoLogin,
    observer: (any OpenBaoObserver)? = nil,
    transport: any HTTPTransport,
    time: any TimeSource = SystemTime(),
    waiting: any Waiting = SystemWaiting(),
    jitter: @escaping @Sendable () -> Double = { .random(in: 0 ..< 1) }
  ) throws(ConfigurationError) {
    let problems = Self.problems(address: address, namespace: namespace, login: login)
    guard problems.isEmpty else { throw ConfigurationError(problems) }
    self.session = Session(
      login,
      OpenBaoRequests(transport: transport, address: address, namespace: namespace),
      time: time,
      waiting: waiting,
      jitter: jitter,
      observer: observer
    )
  }

  /// Keeps the login alive until the task is cancelled or the service group shuts down. Failures do
  /// not end it: they are in ``status``, and it tries again.
  public func run() async {
    await cancelWhenGracefulShutdown { await self.session.run() }
  }

  /// How things stand, without asking anybody.
  public var status: OpenBaoStatus { self.session.status }

  /// One field of a secret in a KV engine of version 2.
  /// - Parameters:
  ///   - mount: where the engine is, such as `secret`.
  ///   - path: the secret, such as `orders/oauth`, without `data/`.
  ///   - field: the name of the field. Its value is a string that is not empty.
  ///   - version: the version that has to be read; nil for the newest one each time.
  /// - Throws: what is wrong with the names. Whether there is such a secret shows when it is read.
  public func secret(
    mount: String = "secret",
    path: String,
    field: String,
    version: Int64? = nil
  ) throws(ConfigurationError) -> KVSecret {
    try KVSecret(self, mount: mount, path: path, field: field, version: version)
  }

  private static func problems(
    address: RemoteURL,
    namespace: String?,
    login: OpenBaoLogin
  ) -> [ConfigurationError.Problem] {
    var problems: [ConfigurationError.Problem] = []
    if !address.target.hasSameBytes(as: "/") {
      problems.append(
        .init(
          path: "address",
          problem: "has a path or a query",
          hint: "write scheme, host and port only, such as https://bao.example.com:8200"
        )
      )
    }
    if let namespace, !OpenBaoName.isPath(namespace) {
      problems.append(
        .init(
          path: "namespace",
          problem: "is not the path of a namespace",
          hint: OpenBaoName.grammar
        )
      )
    }
    return problems + login.problems()
  }
}

extension OpenBao: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// That it is one, and nothing of it.
  public var description: String { "<login to OpenBao>" }
  /// The same.
  public var debugDescription: String { self.description }
  /// Nothing: a mirror would show the token.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
