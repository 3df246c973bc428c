// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import GRPCProtobuf
internal import TokenwardAuthority
internal import TokenwardCore

extension AuthorityError {
  /// The domain of the error details. Not that of denials: those are a guard's, which speaks before any
  /// handler has run, and a guard takes them out of what a handler answers.
  static let errorDomain = "authority.tokenward.dev"
}

extension AuthorityError {
  /// What a gRPC client is told. The texts of the authority are for verified callers and hold no
  /// secret; who is not verified reads one constant sentence.
  var status: GoogleRPCStatus {
    switch self {
    case .forbidden(let text): Self.status(.permissionDenied, text, "PERMISSION_DENIED")
    case .notFound(let text): Self.status(.notFound, text, "NOT_FOUND")
    case .alreadyExists(let text): Self.status(.alreadyExists, text, "ALREADY_EXISTS")
    case .failedPrecondition(let text):
      Self.status(.failedPrecondition, text, "FAILED_PRECONDITION")
    case .invalid(let field, let problem):
      GoogleRPCStatus(
        code: .invalidArgument,
        message: "\(field): \(problem)",
        details: [
          .errorInfo(reason: "INVALID_ARGUMENT", domain: Self.errorDomain),
          .badRequest(violations: [.init(field: field, description: problem)]),
        ]
      )
    case .unauthenticated:
      Self.status(
        .unauthenticated,
        DenialReason.tokenUnknown.response.message,
        DenialReason.tokenUnknown.response.errorInfoReason ?? ""
      )
    case .unavailable(let dependency):
      GoogleRPCStatus(
        code: .unavailable,
        message: dependency.advice,
        details: [
          .errorInfo(
            reason: "AUTHORITY_UNAVAILABLE",
            domain: Self.errorDomain,
            metadata: ["dependency": dependency.rawValue]
          ),
          .retryInfo(delay: .seconds(1)),
        ]
      )
    }
  }

  private static func status(
    _ code: RPCError.Code,
    _ message: String,
    _ reason: String
  ) -> GoogleRPCStatus {
    GoogleRPCStatus(
      code: code,
      message: message,
      details: [.errorInfo(reason: reason, domain: Self.errorDomain)]
    )
  }
}

extension AuthorityError.Dependency {
  /// What does not work and what a person can do about it.
  var advice: String {
    switch self {
    case .store:
      "the store of tokens cannot be used and nothing was issued; try again, and if it stays so look"
        + " at the disk or database of the authority and at its log"
    case .secrets:
      "the vault or the signer cannot be used and nothing was issued; try again, and if it stays so"
        + " see whether the vault is sealed or refuses the authority's token"
    case .audit:
      "the audit trail cannot be written and nothing was issued; what was to be taken back is taken"
        + " back; free space for the audit file, then try again"
    case .clock:
      "the clock of the authority cannot be read or has jumped and nothing was issued; see whether its"
        + " time is synchronised"
    case .rate:
      "the API token was exchanged too often and nothing was issued; wait a second, and keep an access"
        + " token until it expires"
    }
  }
}
