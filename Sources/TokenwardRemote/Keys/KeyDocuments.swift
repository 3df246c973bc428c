// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

package import TokenwardCore
internal import TokenwardHTTP

/// A key set as it was received.
package struct KeyDocument: Sendable {
  package var bytes: [UInt8]
  /// For how long the issuer says that it is fresh; nil if it does not.
  package var freshness: Duration?

  package init(bytes: [UInt8], freshness: Duration? = nil) {
    self.bytes = bytes
    self.freshness = freshness
  }
}

/// Gets key sets. It keeps none and repeats nothing: when to ask is not its business.
package protocol KeyDocuments: Sendable {
  func fetch() async throws(KeyFetchProblem) -> KeyDocument
}

/// A key set at a fixed address.
struct KeyAddress: KeyDocuments {
  let url: RemoteURL
  let tokenFile: String?
  let client: any HTTPTransport

  func fetch() async throws(KeyFetchProblem) -> KeyDocument {
    let token = try KeyToken.header(from: self.tokenFile)
    let answer = try await self.client.get(self.url, headers: token)
    return KeyDocument(bytes: answer.body, freshness: CacheControl.freshness(of: answer))
  }
}

/// A key set in a file. It is fresh as long as the file can be read.
struct KeyFile: KeyDocuments {
  static let interval: Duration = .seconds(10)

  let path: String

  func fetch() async throws(KeyFetchProblem) -> KeyDocument { try self.read() }

  func read() throws(KeyFetchProblem) -> KeyDocument {
    do throws(ReadableFile.Failure) {
      let bytes = try ReadableFile.read(
        self.path,
        limit: KeySet.maximumLength,
        privacy: .publicContent
      )
      return KeyDocument(bytes: bytes, freshness: Self.interval)
    } catch {
      throw .fileUnreadable
    }
  }
}

/// The token that some issuers want to see before they show their keys.
enum KeyToken {
  static func header(
    from path: String?
  ) throws(KeyFetchProblem) -> [(name: String, value: String)] {
    guard let path else { return [] }
    // Kubernetes mounts it readable for everyone within the container, and writable for its owner.
    let limit = BearerToken.maximumLength + 2
    guard var bytes = try? ReadableFile.read(path, limit: limit, privacy: .platformMount) else {
      throw .fileUnreadable
    }
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    let value = "Bearer \(String(decoding: bytes, as: UTF8.self))"
    guard (try? AuthorizationValue.token(value)) != nil else { throw .fileUnreadable }
    return [("authorization", value)]
  }
}

extension HTTPTransport {
  /// Gets a document; anything but a plain 200 is a problem.
  func get(
    _ url: RemoteURL,
    headers: [(name: String, value: String)] = [],
    deadline: ContinuousClock.Instant? = nil
  ) async throws(KeyFetchProblem) -> HTTPAnswer {
    let answer: HTTPAnswer
    do throws(HTTPFailure) {
      let headers = headers + [("accept", "application/json, application/jwk-set+json")]
      answer = try await self.exchange(
        HTTPExchange(.get, url, headers: headers, deadline: deadline)
      )
    } catch {
      throw KeyFetchProblem(error)
    }
    switch answer.status {
    case 200: return answer
    case 300 ... 399: throw .redirected
    case 400 ... 499: throw .statusRefused
    default: throw .statusFailed
    }
  }
}

extension KeyFetchProblem {
  init(_ failure: HTTPFailure) {
    switch failure {
    case .deadlineExceeded: self = .deadlineExceeded
    case .connectionFailed: self = .connectionFailed
    case .tlsFailed: self = .tlsFailed
    case .tooLarge: self = .tooLarge
    case .malformed: self = .responseMalformed
    case .rootsUnusable: self = .rootsUnusable
    case .cancelled: self = .cancelled
    }
  }
}
