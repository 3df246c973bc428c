// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import TokenwardCore
internal import TokenwardGRPC

extension CommandFailure {
  /// Why a call to an authority failed, and what to do about it.
  /// - Parameters:
  ///   - error: what the call ended with. What it says comes from the network and is escaped.
  ///   - address: where the call went.
  ///   - subject: whose token it may be that is not accepted.
  init(_ error: RPCError, from address: AuthorityAddress, about subject: String) {
    let said = Self.printable(error.message)
    switch error.code {
    case .unauthenticated:
      let isExpired = DenialDetails(error)?.reason == "ACCESS_TOKEN_EXPIRED"
      self.init(
        isExpired ? "expired: \(subject)" : "not accepted by the authority: \(subject)",
        hint: "it may be revoked, rotated, its owner disabled, or another authority's; the audit of"
          + " the authority says which. After a new one: `tokenward login`",
        status: .denied
      )
    case .permissionDenied:
      self.init(
        "the authority refuses: \(said)",
        hint: "the permissions of a token are its scopes and those of its roles;"
          + " Docs/authority.md lists them",
        status: .denied
      )
    case .invalidArgument:
      self.init("the authority cannot use the request: \(said)", status: .usage)
    case .notFound, .alreadyExists, .failedPrecondition:
      self.init("the authority refuses: \(said)")
    case .unavailable:
      self.init(
        "\(address.host) is not available: \(said)",
        hint: "is it running, is this its address, and does --ca name the authority that signed its"
          + " certificate? Its log and its /readyz say what it lacks"
      )
    case .deadlineExceeded:
      self.init(
        "\(address.host) did not answer in time",
        hint: "what was asked for may have been done; look before you repeat it"
      )
    case .unimplemented:
      self.init("\(address.host) is no token authority, or an older one", status: .undecided)
    default:
      self.init("\(address.host) answered with \(error.code): \(said)")
    }
  }

  /// At most 512 characters, in which nothing moves a cursor or begins a line.
  private static func printable(_ text: String) -> String {
    let quoted = JSONText.quoted(String(String.UnicodeScalarView(text.unicodeScalars.prefix(512))))
    return String(quoted.dropFirst().dropLast())
  }
}
