// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Why a JWS is refused. Each case is one `DenialReason` of the same meaning.
package enum JWSProblem: Error, Hashable, Sendable {
  /// Not a compact serialization in strict base64url with a strict JSON header, or with a header
  /// parameter that is never accepted (`crit`, `b64`, `zip`, `enc`, nested `cty`).
  case malformed
  /// Longer than 8,192 bytes.
  case tooLarge
  /// The algorithm is unknown, not on the server's list, or not one of the key's.
  case algorithmForbidden
  /// No key of the set has this `kid`, or there is no `kid` and not exactly one key fits.
  case keyUnknown
  /// The signature is not the key's over these bytes.
  case signatureInvalid
}
