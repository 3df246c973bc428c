// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Synchronization
import Testing
import TokenwardCore
import TokenwardHTTP
import TokenwardOpenBao
import TokenwardTestKit

/// A login to a scripted OpenBao, with clocks and files of its own.
final class BaoBench: Sendable {
  let http = ScriptedHTTP()
  let clock = ManualClock()
  let waiting = ManualWaiting()
  let events = EventLog()
  let folder: URL

  init() throws {
    self.folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("tokenward-bao-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
    try self.write("the-secret-id\n", to: "secret_id")
  }

  deinit { try? FileManager.default.removeItem(at: self.folder) }

  func path(_ name: String) -> String { self.folder.appendingPathComponent(name).path }

  /// Replaces a file in one step, as a careful operator does.
  func write(_ text: String, to name: String, mode: Int = 0o600) throws {
    let new = self.path(UUID().uuidString)
    try Data(text.utf8).write(to: URL(fileURLWithPath: new))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: new)
    #expect(rename(new, self.path(name)) == 0)
  }

  var appRole: OpenBaoLogin {
    .appRole(roleID: .value("the-role-id"), secretID: .file(self.path("secret_id")))
  }

  var wrapped: OpenBaoLogin {
    .appRole(roleID: .value("the-role-id"), secretID: .wrappedFile(self.path("wrapping")))
  }

  func openBao(
    _ login: OpenBaoLogin? = nil,
    address: String = "https://bao.example.com:8200",
    namespace: String? = nil,
    jitter: Double = 0,
    transport: (any HTTPTransport)? = nil
  ) throws -> OpenBao {
    try OpenBao(
      address: RemoteURL(address),
      namespace: namespace,
      login: login ?? self.appRole,
      observer: self.events,
      transport: transport ?? self.http,
      time: self.clock,
      waiting: self.waiting,
      jitter: { jitter }
    )
  }

  /// The paths that were asked for, in their order, without the leading `/v1/`.
  var asked: [String] {
    self.http.requests.map { String($0.url.target.dropFirst("/v1/".utf8.count)) }
  }

  func body(_ index: Int) -> String {
    String(decoding: self.http.requests[index].body, as: UTF8.self)
  }

  func header(_ name: String, _ index: Int) -> [String] {
    self.http.requests[index].headers.filter { $0.name == name }.map(\.value)
  }
}

/// Denies the first token, once all readers came with it, and takes the second.
final class RoutedHTTP: HTTPTransport {
  private let readers: Int
  private let state = Mutex((logins: 0, arrived: 0))

  init(readers: Int) { self.readers = readers }

  var logins: Int { self.state.withLock(\.logins) }

  func exchange(_ exchange: HTTPExchange) async throws(HTTPFailure) -> HTTPAnswer {
    guard exchange.method == .get else {
      let number = self.state.withLock { state in
        state.logins += 1
        return state.logins
      }
      return try Bao.login("s.\(number)").get()
    }
    guard exchange.headers.contains(where: { $0.value == "s.1" }) else {
      return try Bao.secret().get()
    }
    self.state.withLock { $0.arrived += 1 }
    while self.state.withLock(\.arrived) < self.readers { await Task.yield() }
    return try Bao.error(403).get()
  }
}

/// Remembers events.
final class EventLog: OpenBaoObserver {
  private let log = Mutex<[OpenBaoEvent]>([])
  var events: [OpenBaoEvent] { self.log.withLock { $0 } }
  func openBao(_ event: OpenBaoEvent) { self.log.withLock { $0.append(event) } }
}

/// Waits until a test lets it go on, and remembers for how long it should have waited.
final class ManualWaiting: Waiting {
  private struct State {
    var durations: [Duration] = []
    var listener: CheckedContinuation<Duration, Never>?
    var sleepers: [Int: CheckedContinuation<Void, Never>] = [:]
    var count = 0
  }

  private let state = Mutex(State())

  func wait(for duration: Duration) async {
    let id = self.state.withLock { state in
      state.count += 1
      return state.count
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let (mustWait, listener) = self.state.withLock { state in
          defer { state.listener = nil }
          if state.listener == nil { state.durations.append(duration) }
          if Task.isCancelled { return (false, state.listener) }
          state.sleepers[id] = continuation
          return (true, state.listener)
        }
        listener?.resume(returning: duration)
        if !mustWait { continuation.resume() }
      }
    } onCancel: {
      self.state.withLock { $0.sleepers.removeValue(forKey: id) }?.resume()
    }
  }

  /// How many have waited that ``next()`` has not told of.
  var untold: Int { self.state.withLock { $0.durations.count } }

  /// The next duration that somebody waits for.
  func next() async -> Duration {
    await withCheckedContinuation { continuation in
      let known = self.state.withLock { state -> Duration? in
        if state.durations.isEmpty {
          state.listener = continuation
          return nil
        }
        return state.durations.removeFirst()
      }
      if let known { continuation.resume(returning: known) }
    }
  }

  /// Ends every wait.
  func pass() {
    let sleepers = self.state.withLock { state in
      defer { state.sleepers = [:] }
      return state.sleepers.values
    }
    for sleeper in sleepers { sleeper.resume() }
  }
}

/// Answers as OpenBao 2.7.2 gives them.
enum Bao {
  static func answer(
    _ status: Int,
    _ json: String,
    type: String? = "application/json"
  )
    -> ScriptedHTTP.Outcome
  {
    let headers = type.map { [(name: "content-type", value: $0)] } ?? []
    return .success(HTTPAnswer(status: status, headers: headers, body: Array(json.utf8)))
  }

  static func error(_ status: Int, _ text: String = "permission denied") -> ScriptedHTTP.Outcome {
    self.answer(status, #"{"errors":["\#(text)"]}"#)
  }

  private static func envelope(data: String = "null", auth: String = "null") -> String {
    #"{"request_id":"30b05a60-864c-b19f-cfc5-95c19d4cdc24","lease_id":"","renewable":false,"#
      + #""lease_duration":0,"data":\#(data),"wrap_info":null,"warnings":null,"auth":\#(auth)}"#
  }

  /// To a login or a renewal.
  static func login(
    _ token: String = "s.first",
    lease: String = "1200",
    renewable: String = "true",
    mfa: String = "null"
  ) -> ScriptedHTTP.Outcome {
    let auth =
      #"{"client_token":"\#(token)","accessor":"3idSNiphlMzbUAG66X3HTjRL","policies":["default"],"#
      + #""token_policies":["default"],"metadata":{"role_name":"orders"},"#
      + #""lease_duration":\#(lease),"renewable":\#(renewable),"entity_id":"","#
      + #""token_type":"service","orphan":true,"mfa_requirement":\#(mfa),"num_uses":0}"#
    return self.answer(200, self.envelope(auth: auth))
  }

  static func lookUp(ttl: String = "1200", renewable: String = "true") -> ScriptedHTTP.Outcome {
    self.answer(
      200,
      self.envelope(
        data: #"{"accessor":"a","creation_ttl":1200,"ttl":\#(ttl),"renewable":\#(renewable)}"#
      )
    )
  }

  static func metadata(version: String = "1", destroyed: String = "false") -> String {
    #"{"created_time":"2026-11-24T22:54:26.654491195Z","custom_metadata":null,"#
      + #""deletion_time":"","destroyed":\#(destroyed),"version":\#(version)}"#
  }

  /// To a question for a secret.
  static func secret(
    _ data: String = #"{"client_secret":"s3cret","port":5}"#,
    metadata: String = Bao.metadata(),
    status: Int = 200
  ) -> ScriptedHTTP.Outcome {
    self.answer(status, self.envelope(data: #"{"data":\#(data),"metadata":\#(metadata)}"#))
  }

  /// To a question about a wrapping token.
  static func wrapping(
    _ path: String = "auth/approle/role/orders/secret-id"
  ) -> ScriptedHTTP.Outcome {
    self.answer(200, self.envelope(data: #"{"creation_path":"\#(path)","creation_ttl":60}"#))
  }

  static func unwrapped(_ secretID: String = "unwrapped-secret-id") -> ScriptedHTTP.Outcome {
    self.answer(
      200,
      self.envelope(data: #"{"secret_id":"\#(secretID)","secret_id_accessor":"d5180c15"}"#)
    )
  }
}

extension SecretSource {
  /// The secret as text, for comparisons.
  func text() async throws(SecretError) -> String {
    let secret = try await self.secret()
    return secret.withExposedBytes { span in
      String(decoding: span.indices.map { span[$0] }, as: UTF8.self)
    }
  }

  /// The kind of error that there is instead of a secret; nil if there is one.
  func refusal() async -> SecretError.Kind? {
    do throws(SecretError) {
      _ = try await self.secret()
      return nil
    } catch {
      return error.kind
    }
  }
}
