// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore
internal import TokenwardHTTP

/// Asks an issuer about one token (RFC 7662 §2.1). The token is in the body, never in the address.
final class IntrospectionClient: Sendable {
  /// For how long the secret is kept between requests: a vault is not asked about every made-up token.
  static let secretHold: Duration = .seconds(5)

  /// What came of a question.
  enum Reply {
    /// The issuer was not asked: there is no secret to ask it with.
    case notAsked
    /// The issuer does not answer, or not to us.
    case down
    /// The issuer answered, but nothing that could be read: it may be about this token only.
    case unusable
    /// The body of an answer.
    case answer([UInt8])

    /// Whether the issuer can be asked about other tokens; nil where it was not asked.
    var isUp: Bool? {
      switch self {
      case .notAsked: nil
      case .down: false
      case .unusable, .answer: true
      }
    }
  }

  private let endpoint: IntrospectionEndpoint
  private let transport: any HTTPTransport
  private let time: any TimeSource
  private let held = Mutex<(authorization: String, until: Duration)?>(nil)

  init(endpoint: IntrospectionEndpoint, transport: any HTTPTransport, time: any TimeSource) {
    self.endpoint = endpoint
    self.transport = transport
    self.time = time
  }

  func ask(about token: BearerToken) async -> Reply {
    // One limit for the secret and the question together.
    let deadline = ContinuousClock.now + HTTPSClient.deadline
    guard let authorization = await self.authorization(until: deadline) else { return .notAsked }
    var form = FormText()
    form.add("token", token.bytes)
    form.add("token_type_hint", "access_token")
    let request = HTTPExchange(
      .post,
      self.endpoint.url,
      headers: [
        ("accept", "application/json"), ("authorization", authorization),
        ("content-type", "application/x-www-form-urlencoded"),
      ],
      body: form.bytes,
      deadline: deadline
    )
    do throws(HTTPFailure) {
      return self.reply(try await self.transport.exchange(request))
    } catch .tooLarge {
      return .unusable
    } catch {
      return .down
    }
  }

  private func reply(_ answer: HTTPAnswer) -> Reply {
    switch answer.status {
    case 200 where answer.mediaType == "application/json":
      // What cannot be read at all may be the answer to one token with strange claims.
      return IntrospectionAnswer.isReadable(answer.body) ? .answer(answer.body) : .unusable
    // Something about the token: its length, its bytes, a filter in front of the issuer.
    case 200, 400, 403, 413, 414, 422, 431: return .unusable
    // The secret may have been replaced.
    case 401:
      self.held.withLock { $0 = nil }
      return .down
    default: return .down
    }
  }

  /// HTTP Basic with the name and the secret in form encoding first (RFC 6749 §2.3.1).
  private func authorization(until deadline: ContinuousClock.Instant) async -> String? {
    guard let now = self.time.monotonic() else { return nil }
    if let held = self.held.withLock({ $0 }), now < held.until { return held.authorization }
    let source = self.endpoint.clientSecret
    let clientID = self.endpoint.clientID
    let value = await withTaskGroup(of: String?.self) { group in
      group.addTask {
        guard let secret = try? await source.secret() else { return nil }
        let encoded = secret.withExposedBytes { bytes in
          FormText.encoded(bytes.indices.map { bytes[$0] })
        }
        let pair = FormText.encoded(clientID.utf8) + [UInt8(ascii: ":")] + encoded
        return "Basic \(PaddedBase64.encode(pair))"
      }
      group.addTask {
        try? await Task.sleep(until: deadline, clock: .continuous)
        return nil
      }
      defer { group.cancelAll() }
      return await group.next() ?? nil
    }
    if let value { self.held.withLock { $0 = (value, now + Self.secretHold) } }
    return value
  }
}
