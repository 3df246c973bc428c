// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// What looks like a wish to read a secret from the environment.
///
/// Nothing here reads environment variables: every child process inherits them, crash reports and
/// diagnostic pages quote them, and other processes of the same user can read them. A value that is
/// meant as such a reference would otherwise be taken for a file of that name, or be sent as it is.
package enum EnvironmentReference {
  /// - Throws: `ConfigurationError` for `env:NAME`, `$NAME`, `${NAME}` and `%NAME%`.
  package static func refuse(_ text: String, at path: String) throws(ConfigurationError) {
    let bytes = Array(text.utf8)
    let isPrefixed = bytes.prefix(4).map { $0 | 0x20 }.elementsEqual("env:".utf8)
    let isPercent = bytes.count > 2 && bytes.first == 0x25 && bytes.last == 0x25
    guard isPrefixed || isPercent || bytes.first == UInt8(ascii: "$") else { return }
    throw ConfigurationError(
      path: path,
      problem:
        "names an environment variable, and those are not read: every child process inherits "
        + "them, and crash reports quote them",
      hint: "put the secret into a file that only its owner can read (chmod 600), or into OpenBao"
    )
  }
}
