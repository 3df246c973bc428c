// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Reads a credential, afresh each time: whoever replaces it does so by replacing the file.
enum CredentialFile {
  static func read(
    _ path: String,
    privacy: ReadableFile.Privacy
  ) throws(Trouble) -> HeldSecret {
    var bytes: [UInt8]
    do throws(ReadableFile.Failure) {
      bytes = try ReadableFile.read(
        path,
        limit: HeldSecret.maximumLength + 2,
        privacy: privacy
      )
    } catch {
      throw Trouble(.credentialFile, problem: "\(path) \(error.problem)", hint: error.hint)
    }
    if bytes.last == UInt8(ascii: "\n") {
      bytes.removeLast()
      if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    }
    guard let secret = HeldSecret(bytes) else {
      throw Trouble(
        .credentialFile,
        problem: "\(path) is empty or holds more than one credential in visible ASCII",
        hint: "write nothing but the credential, and one line end at most"
      )
    }
    return secret
  }
}
