// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

/// Turns the configured credentials into a token of OpenBao.
final class Authenticator: Sendable {

  private let login: OpenBaoLogin
  private let requests: OpenBaoRequests
  private let memory = Mutex(Memory())

  private struct Memory {
    /// The wrapping token that was opened last, and what was in it.
    var opened: (wrapping: TokenFingerprint, secretID: HeldSecret)?
    /// The wrapping token that somebody else has opened.
    var spent: (wrapping: TokenFingerprint, failure: OpenBaoFailure)?
    /// How many wrapping tokens raised an alarm.
    var alarms = 0
    /// The role_id and secret_id that were refused.
    var refusal: LoginRefusal?
  }

  init(_ login: OpenBaoLogin, _ requests: OpenBaoRequests) {
    self.login = login
    self.requests = requests
  }

  /// What is asked for, in words.
  static let subject = "login to OpenBao"

  /// Logs in. Only one task at a time calls this.
  /// - Parameter now: monotonic time.
  func authenticate(at now: Duration) async throws(Trouble) -> Lease {
    switch self.login {
    case .appRole(let mount, let roleID, let secretID):
      let role = try Self.read(roleID)
      let secret = try await self.read(secretID, mount: mount)
      return try await self.logIn(mount, role, secret, at: now)
    case .kubernetes(let mount, let role, let tokenFile):
      let token = try CredentialFile.read(tokenFile, privacy: .platformMount)
      var body = Array(#"{"role":"#.utf8)
      JSONText.append(quoted: role, to: &body)
      body += Array(#","jwt":"#.utf8)
      token.append(to: &body)
      body.append(UInt8(ascii: "}"))
      let finished = body
      return try await Self.explained { () async throws(OpenBaoFailure) in
        try await self.requests.login(mount: mount, body: finished)
      }
    case .tokenFile(let path):
      let token = try CredentialFile.read(path, privacy: .ownerSecret)
      return try await Self.explained { () async throws(OpenBaoFailure) in
        try await self.requests.lookUp(token)
      }
    }
  }

  /// How many wrapping tokens raised an alarm; each is counted once.
  var alarms: Int { self.memory.withLock(\.alarms) }

  /// Whether tokens are fetched here, for this process alone.
  var fetchesTokens: Bool {
    if case .tokenFile = self.login { false } else { true }
  }

  /// Whether the token in use is still the one that the file holds; true for logins without such a
  /// file, and for a file that cannot be read now: the token is good until it lapses.
  func isCurrent(_ token: HeldSecret) -> Bool {
    guard case .tokenFile(let path) = self.login,
      let present = try? CredentialFile.read(path, privacy: .ownerSecret)
    else { return true }
    return present.hasSameBytes(as: token)
  }

  private func logIn(
    _ mount: String,
    _ role: HeldSecret,
    _ secret: HeldSecret,
    at now: Duration
  ) async throws(Trouble) -> Lease {
    var body = Array(#"{"role_id":"#.utf8)
    role.append(to: &body)
    body += Array(#","secret_id":"#.utf8)
    secret.append(to: &body)
    body.append(UInt8(ascii: "}"))
    let fingerprint = TokenFingerprint(of: body.span)
    let isHeldBack = self.memory.withLock { memory in
      memory.refusal?.holdsBack(fingerprint, at: now) ?? false
    }
    if isHeldBack { throw Trouble(.loginRefused, Self.subject) }
    do throws(OpenBaoFailure) {
      let lease = try await self.requests.login(mount: mount, body: body)
      self.memory.withLock { $0.refusal = nil }
      return lease
    } catch {
      if error == .loginRefused {
        self.memory.withLock { memory in
          memory.refusal = LoginRefusal(of: fingerprint, at: now, after: memory.refusal)
        }
      }
      throw Trouble(error, Self.subject)
    }
  }

  private static func read(_ roleID: OpenBaoLogin.RoleID) throws(Trouble) -> HeldSecret {
    switch roleID {
    case .file(let path): return try CredentialFile.read(path, privacy: .publicContent)
    case .value(let value):
      guard let role = HeldSecret(Array(value.utf8)) else {
        throw Trouble(.loginRefused, Self.subject)
      }
      return role
    }
  }

  private func read(
    _ secretID: OpenBaoLogin.SecretID,
    mount: String
  ) async throws(Trouble) -> HeldSecret {
    switch secretID {
    case .file(let path): return try CredentialFile.read(path, privacy: .ownerSecret)
    case .wrappedFile(let path):
      let wrapping = try CredentialFile.read(path, privacy: .ownerSecret)
      return try await self.unwrap(wrapping, mount: mount)
    }
  }

  private func unwrap(_ wrapping: HeldSecret, mount: String) async throws(Trouble) -> HeldSecret {
    let fingerprint = wrapping.fingerprint
    let known = self.memory.withLock { memory -> Result<HeldSecret, OpenBaoFailure>? in
      if let opened = memory.opened, opened.wrapping == fingerprint {
        return .success(opened.secretID)
      }
      // The alarm was raised once; the same token cannot become good again.
      if let spent = memory.spent, spent.wrapping == fingerprint { return .failure(spent.failure) }
      return nil
    }
    switch known {
    case .success(let secretID): return secretID
    case .failure(let failure): throw Trouble(failure, Self.subject)
    case nil: break
    }
    do throws(OpenBaoFailure) {
      let secretID = try await self.requests.unwrapSecretID(wrapping, mount: mount)
      self.memory.withLock { $0.opened = (fingerprint, secretID) }
      return secretID
    } catch {
      if error.isAlarm {
        self.memory.withLock { memory in
          memory.spent = (fingerprint, error)
          memory.alarms += 1
        }
      }
      throw Trouble(error, Self.subject)
    }
  }

  private static func explained(
    _ body: () async throws(OpenBaoFailure) -> Lease
  ) async throws(Trouble) -> Lease {
    do throws(OpenBaoFailure) {
      return try await body()
    } catch {
      throw Trouble(error, Self.subject)
    }
  }
}
