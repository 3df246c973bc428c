// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Everything that bytes of strangers reach. The raw value is the name of the corpus.
enum FuzzTarget: String, CaseIterable {
  case json
  case base64url
  case jws
  case jwsHeader = "jws-header"
  case keySet = "key-set"
  case authorization
  case path
  case timeout = "grpc-timeout"
  case requestGuard = "guard"
  case escaping

  func check(_ input: [UInt8]) {
    switch self {
    case .json: checkJSON(input)
    case .base64url: checkBase64URL(input)
    case .jws: checkJWS(input)
    case .jwsHeader: checkJWSHeader(input)
    case .keySet: checkKeySet(input)
    case .authorization: checkAuthorization(input)
    case .path: checkPath(input)
    case .timeout: checkTimeout(input)
    case .requestGuard: checkGuard(input)
    case .escaping: checkEscaping(input)
    }
  }
}
