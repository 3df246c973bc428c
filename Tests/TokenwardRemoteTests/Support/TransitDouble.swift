// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Crypto
import Foundation
import Synchronization
import TokenwardHTTP

/// A transit engine that answers as OpenBao 2.7.2 does, unless a test says otherwise.
final class TransitDouble: HTTPTransport {
  enum Key: Sendable {
    case p256(P256.Signing.PrivateKey)
    case ed25519(Curve25519.Signing.PrivateKey)
  }

  /// What to answer in the place of an answer: its status and its JSON.
  typealias Twist = @Sendable (_ target: String, _ json: String) -> (status: Int, json: String)?

  private struct State {
    var keys: [String: Key] = [:]
    var twist: Twist?
    var logins = 0
    var running = 0
    var mostRunning = 0
    var signatures = 0
    var isHeld = false
    var held: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  func twist(_ twist: Twist?) { self.state.withLock { $0.twist = twist } }
  var logins: Int { self.state.withLock(\.logins) }
  var signatures: Int { self.state.withLock(\.signatures) }
  var mostRunning: Int { self.state.withLock(\.mostRunning) }
  var names: [String] { self.state.withLock { Array($0.keys.keys) } }
  var heldCount: Int { self.state.withLock { $0.held.count } }

  /// Puts another key in the place of one.
  func exchange(_ name: String, for key: Key) { self.state.withLock { $0.keys[name] = key } }

  /// Makes every signature wait.
  func hold() { self.state.withLock { $0.isHeld = true } }

  func release() {
    let held = self.state.withLock { state in
      state.isHeld = false
      defer { state.held = [] }
      return state.held
    }
    for continuation in held { continuation.resume() }
  }

  func exchange(_ exchange: HTTPExchange) async throws(HTTPFailure) -> HTTPAnswer {
    let target = String(exchange.url.target.dropFirst("/v1/".utf8.count))
    self.state.withLock { state in
      state.running += 1
      state.mostRunning = max(state.mostRunning, state.running)
    }
    defer { self.state.withLock { $0.running -= 1 } }
    if target.contains("/sign/") { await self.wait() }
    let (status, json) = self.answer(target, exchange)
    if let twist = self.state.withLock(\.twist), let other = twist(target, json) {
      return try Bao.answer(other.status, other.json).get()
    }
    return try Bao.answer(status, json).get()
  }

  private func wait() async {
    await withCheckedContinuation { continuation in
      let mustWait = self.state.withLock { state in
        if state.isHeld { state.held.append(continuation) }
        return state.isHeld
      }
      if !mustWait { continuation.resume() }
    }
  }

  private func answer(_ target: String, _ exchange: HTTPExchange) -> (Int, String) {
    if target.hasPrefix("auth/") {
      let number = self.state.withLock { state in
        state.logins += 1
        return state.logins
      }
      let login = Bao.login("s.\(number)")
      return (200, (try? login.get()).map { String(decoding: $0.body, as: UTF8.self) } ?? "")
    }
    let name = String(target.split(separator: "/").last ?? "")
    let body = try? JSONSerialization.jsonObject(with: Data(exchange.body)) as? [String: Any]
    if target.hasPrefix("transit/keys/") {
      if exchange.method == .post { self.make(name, body?["type"] as? String) }
      guard let key = self.state.withLock({ $0.keys[name] }) else {
        return (404, #"{"errors":[]}"#)
      }
      return (200, Self.envelope(Self.description(name, key)))
    }
    guard target.hasPrefix("transit/sign/"),
      let input = (body?["input"] as? String).flatMap({ Data(base64Encoded: $0) }),
      let key = self.state.withLock({ $0.keys[name] })
    else { return (400, #"{"errors":["signing key not found"]}"#) }
    self.state.withLock { $0.signatures += 1 }
    let signature = Self.signature(key, Array(input))
    return (200, Self.envelope(#"{"key_version":1,"signature":"vault:v1:\#(signature)"}"#))
  }

  private func make(_ name: String, _ type: String?) {
    self.state.withLock { state in
      if state.keys[name] != nil { return }
      state.keys[name] = type == "ed25519" ? .ed25519(.init()) : .p256(.init())
    }
  }

  static func signature(_ key: Key, _ input: [UInt8]) -> String {
    let raw: Data? =
      switch key {
      case .p256(let key): (try? key.signature(for: Data(input)))?.rawRepresentation
      case .ed25519(let key): try? key.signature(for: Data(input))
      }
    return (raw ?? Data()).base64EncodedString().replacingOccurrences(of: "+", with: "-")
      .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
  }

  static func description(_ name: String, _ key: Key) -> String {
    let (type, curve, text) =
      switch key {
      case .p256(let key): ("ecdsa-p256", "P-256", key.publicKey.pemRepresentation + "\n")
      case .ed25519(let key):
        ("ed25519", "ed25519", key.publicKey.rawRepresentation.base64EncodedString())
      }
    let quoted = text.replacingOccurrences(of: "\n", with: "\\n")
    return #"{"allow_plaintext_backup":false,"auto_rotate_period":0,"deletion_allowed":false,"#
      + #""derived":false,"exportable":false,"imported_key":false,"keys":{"1":"#
      + #"{"certificate_chain":"","name":"\#(curve)","public_key":"\#(quoted)"}},"#
      + #""latest_version":1,"min_available_version":0,"name":"\#(name)","soft_deleted":false,"#
      + #""supports_signing":true,"type":"\#(type)"}"#
  }

  static func envelope(_ data: String) -> String {
    #"{"request_id":"30b05a60","lease_id":"","renewable":false,"lease_duration":0,"#
      + #""data":\#(data),"wrap_info":null,"warnings":null,"auth":null}"#
  }
}
