// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import TokenwardCore

/// By which a request is known that is sent again: the authority then answers as it did before and
/// makes no second secret. It is made anew for each run of a command, unless a file keeps it.
struct RequestKey: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Keep the idempotency key in this file; it is made if it is not there. Run the same command"
        + " again within an hour to have the same answer again.",
      valueName: "file"
    )
  )
  var idempotencyKeyFile: String?

  /// The key: 256 random bits in base64url.
  func value() throws(CommandFailure) -> String {
    guard let path = self.idempotencyKeyFile else { return Self.random() }
    guard FilePrivacy(path: path) != nil else {
      let key = Self.random()
      try PrivateFile(path: path).write(Array("\(key)\n".utf8))
      return key
    }
    var bytes = try FileReading.file(
      path,
      limit: 256,
      mustBePrivate: true,
      hint: "with this key others can have the same answer: remove the file"
    )
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    guard (22 ... 128).contains(bytes.count), bytes.allSatisfy(Self.isKeyByte) else {
      throw CommandFailure(
        "\(JSONText.quoted(path)) holds no idempotency key",
        hint: "name a file that is not there, and it will be made"
      )
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func random() -> String {
    Base64URL.encode((0 ..< 32).map { _ in UInt8.random(in: .min ... .max) })
  }

  private static func isKeyByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a") ... UInt8(ascii: "z"), UInt8(ascii: "A") ... UInt8(ascii: "Z"),
      UInt8(ascii: "0") ... UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
