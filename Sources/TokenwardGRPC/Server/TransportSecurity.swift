// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

package import TokenwardCore

/// Whether bytes between client and server are protected on their way. A bearer token that crosses
/// a network in the clear belongs to everybody on that network (RFC 6750 §5.3), so plaintext has to
/// be asked for, with the reason written down where a reviewer reads it.
public enum TransportSecurity: Sendable, Hashable {
  /// TLS, or another channel that keeps tokens secret.
  case tls
  /// No protection. The reason is for the reader of the code: "in-process test", "TLS ends in the
  /// sidecar on the same host".
  case plaintext(because: String)

  /// - Throws: `ConfigurationError` if plaintext is asked for without a reason.
  package func validate(at path: String) throws(ConfigurationError) {
    guard case .plaintext(let reason) = self else { return }
    // Blank is empty: U+0020 and the ASCII controls are not a reason.
    guard reason.utf8.contains(where: { $0 > 0x20 && $0 != 0x7F }) else {
      throw ConfigurationError([
        ConfigurationError.Problem(
          path: path,
          problem: "plaintext without a reason",
          hint: "use TLS, or say .plaintext(because: \"…\") with why nobody can listen"
        )
      ])
    }
  }
}
