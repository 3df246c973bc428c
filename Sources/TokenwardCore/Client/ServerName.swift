// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Whether a name in a server's certificate is the name that was asked for.
package enum ServerName {
  /// One `*` stands for one whole label, the first (RFC 9525 §6.3).
  /// - Parameters:
  ///   - pattern: the name in the certificate.
  ///   - host: the name that was asked for, in lower case.
  package static func matches(_ pattern: String, _ host: String) -> Bool {
    let pattern = pattern.utf8.map { (65 ... 90).contains($0) ? $0 + 32 : $0 }
    let host = Array(host.utf8)
    guard pattern.starts(with: "*.".utf8) else { return pattern == host && !pattern.isEmpty }
    guard let dot = host.firstIndex(of: UInt8(ascii: ".")), dot > 0 else { return false }
    let rest = pattern.dropFirst()
    // Not for a whole top-level domain.
    return rest.dropFirst().contains(UInt8(ascii: ".")) && Array(rest) == Array(host[dot...])
  }
}
