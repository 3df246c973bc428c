// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// Takes a token that somebody else renews from a vault or an owner-only file.
///
/// If the token is a JWT its end is read from it, unverified: that decides when it is read again, and
/// nothing else. Any other token is read again every minute while it is used.
public struct SecretTokenFetcher: TokenFetcher {
  private let secret: any SecretSource
  private let time: any TimeSource

  /// - Parameters:
  ///   - secret: where the token is.
  ///   - time: where the clock is read.
  public init(_ secret: any SecretSource, time: any TimeSource = SystemTime()) {
    self.secret = secret
    self.time = time
  }

  /// Reads the token.
  /// - Throws: `TokenSourceError`.
  public func fetch() async throws -> IssuedToken {
    guard let now = self.time.now() else { throw TokenSourceError.clockUnavailable }
    let token = try await Self.token(from: self.secret)
    return IssuedToken(token, expiresAt: UnverifiedClaims(token)?.expiry(at: now.unix))
  }

  static func token(from source: any SecretSource) async throws(TokenSourceError) -> BearerToken {
    let secret: SecretBytes
    do throws(SecretError) {
      secret = try await source.secret()
    } catch {
      throw TokenSourceError(error)
    }
    // One byte too many is enough to see that it is too long.
    let bytes = secret.withExposedBytes { span in
      var bytes: [UInt8] = []
      for index in 0 ..< min(span.count, BearerToken.maximumLength + 1) {
        bytes.append(span[index])
      }
      return bytes
    }
    let token = BearerToken(bytes: bytes)
    try TokenSourceError.check(token)
    return token
  }
}

extension SecretTokenFetcher: CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// What it is, and nothing that it holds.
  public var description: String { "<fetcher of a secret token>" }
  /// The same.
  public var debugDescription: String { self.description }
  /// Nothing: what lies behind it may hold secrets and not hide them.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
