// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import GRPCProtobuf
internal import TokenwardAuthority
internal import TokenwardCore

extension GoogleRPCStatus {
  /// For an address from which too many tokens that do not count were presented.
  static var tooManyGuesses: GoogleRPCStatus {
    let response = DenialReason.rateLimited.response
    return GoogleRPCStatus(
      code: .resourceExhausted,
      message: response.message,
      details: [
        .errorInfo(reason: "TOO_MANY_REFUSED_TOKENS", domain: AuthorityError.errorDomain),
        .retryInfo(delay: .seconds(response.retryAfterSeconds ?? 1)),
      ]
    )
  }
}
