// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// Watches over tokens that come in a request instead of its `authorization`, where no guard sees
/// them: at `/oauth2/token` and `/oauth2/revoke`, and in `Exchange` and `RevokeSelf`. Without it
/// whoever guesses tokens would do it there, unlimited and unseen.
///
/// Who is over the rate of the limiter is refused before anything is computed or read. Give it the
/// limiter that the guards of the process have, so that guesses count together wherever they are made.
public struct PresentedTokens: Sendable {
  /// Where a token was presented.
  public enum Endpoint: String, Sendable, Hashable, CaseIterable {
    /// `POST /oauth2/token`.
    case httpToken = "http_token"
    /// `POST /oauth2/revoke`.
    case httpRevoke = "http_revoke"
    /// `Tokens/Exchange`.
    case grpcExchange = "grpc_exchange"
    /// `Tokens/RevokeSelf`.
    case grpcRevokeSelf = "grpc_revoke_self"
  }

  /// Why it came to nothing.
  public enum Refusal: String, Sendable, Hashable, CaseIterable {
    /// It is no token that counts here.
    case notAccepted = "not_accepted"
    /// Its address is over its rate; nobody has looked at it.
    case rateLimited = "rate_limited"
  }

  private let guesses: GuessLimiter
  private let time: any TimeSource
  private let onRefused: @Sendable (Endpoint, Refusal) -> Void

  /// - Parameters:
  ///   - guesses: the limiter of the guards of this process.
  ///   - time: the clocks.
  ///   - onRefused: told of each token that was refused; for a counter.
  public init(
    guesses: GuessLimiter = GuessLimiter(),
    time: any TimeSource = SystemTime(),
    onRefused: @escaping @Sendable (_ endpoint: Endpoint, _ refusal: Refusal) -> Void = { _, _ in }
  ) {
    self.guesses = guesses
    self.time = time
    self.onRefused = onRefused
  }

  /// One presentation, to be told how it ended.
  struct Presentation: Sendable {
    fileprivate let tokens: PresentedTokens
    fileprivate let token: PresentedToken
    fileprivate let endpoint: Endpoint
    fileprivate let peer: String?
    fileprivate let moment: Moment?

    /// The token counts.
    func accept() {
      guard let moment else { return }
      self.tokens.guesses.accept(self.token, from: self.peer, at: moment)
    }

    /// Takes note of a token that is presented to be taken back. Asked before that is done:
    /// afterwards no token counts. Access tokens are noted like guesses, because what they are worth
    /// is known only when they are verified.
    func note(before authority: any AuthorityOperations, _ token: BearerToken) {
      if let moment, authority.isInUse(token, at: moment.unix) { return }
      self.refuse()
    }

    /// The token does not count. The authority does not say why, so that it may have been a guess.
    func refuse() {
      self.tokens.onRefused(self.endpoint, .notAccepted)
      guard let moment else { return }
      self.tokens.guesses.note(.tokenUnknown, from: self.peer, at: moment)
    }
  }

  /// - Returns: nil if the address is over its rate.
  func present(
    _ token: BearerToken,
    at endpoint: Endpoint,
    from peer: String?
  ) -> Presentation? {
    // Without a clock nothing can be counted; the authority issues nothing then either.
    let moment = self.time.now()
    let token = PresentedToken(token)
    if let moment, self.guesses.isOver(peer, presenting: token, at: moment) {
      self.onRefused(endpoint, .rateLimited)
      return nil
    }
    return Presentation(tokens: self, token: token, endpoint: endpoint, peer: peer, moment: moment)
  }
}
