// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore
internal import TokenwardGRPC

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// What `tokenward login` stores: which authority, whom its certificate has to come from, and the
/// token. One file for each, readable by its owner only, in a folder that only its owner can enter.
struct Profile: Sendable {
  static let defaultName = "default"
  static let nameRule = "--profile is 1 to 64 letters, digits, hyphens and underscores."
  /// Longest file, in bytes.
  private static let maximumLength = 16_384

  let address: AuthorityAddress
  /// An absolute path.
  let roots: String?
  let token: BearerToken

  /// Names become names of files.
  static func isName(_ name: String) -> Bool {
    (1 ... 64).contains(name.utf8.count)
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a") ... UInt8(ascii: "z"), UInt8(ascii: "A") ... UInt8(ascii: "Z"),
          UInt8(ascii: "0") ... UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }

  /// `$XDG_CONFIG_HOME/tokenward`, or `~/.config/tokenward`. A relative path does not count (XDG Base
  /// Directory Specification): it would lead to another file in each folder.
  static func folder() throws(CommandFailure) -> String {
    if let base = Self.absolute("XDG_CONFIG_HOME") { return "\(base)/tokenward" }
    if let home = Self.absolute("HOME") { return "\(home)/.config/tokenward" }
    throw CommandFailure(
      "there is no home folder to keep profiles in",
      hint: "set HOME or XDG_CONFIG_HOME to the path of a folder of yours"
    )
  }

  private static func absolute(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let path = String(cString: value)
    return path.utf8.first == UInt8(ascii: "/") ? path : nil
  }

  static func read(_ name: String) throws(CommandFailure) -> Profile {
    let path = "\(try Self.folder())/\(name).json"
    guard FilePrivacy(path: path) != nil else {
      throw CommandFailure(
        "nobody is logged in as \(name)",
        hint: "tokenward login --server HOST:PORT --ca ca.pem --token-file admin.token"
          + (name.hasSameBytes(as: Self.defaultName) ? "" : " --profile \(name)")
      )
    }
    let bytes = try FileReading.file(
      path,
      limit: Self.maximumLength,
      mustBePrivate: true,
      hint: "whoever could read it has the token: revoke it, remove the file and log in again"
    )
    guard let profile = Profile(json: bytes) else {
      throw CommandFailure(
        "\(JSONText.quoted(path)) is no profile",
        hint: "remove it and run `tokenward login` again"
      )
    }
    return profile
  }

  /// Puts the profile in the place of the one that has the name.
  /// - Returns: the path of the file.
  func write(_ name: String) throws(CommandFailure) -> String {
    let path = try Self.folder()
    // All folders on the way, as `mkdir -p`: those that are there stay as they are.
    for index in path.utf8.indices.dropFirst() where path.utf8[index] == UInt8(ascii: "/") {
      mkdir(String(path[..<index]), 0o700)
    }
    try OpenDirectory.makingPrivate(path).replace("\(name).json", self.json)
    return "\(path)/\(name).json"
  }
}

// MARK: - The file

extension Profile {
  private init?(json bytes: [UInt8]) {
    guard bytes.count <= Self.maximumLength,
      let document = try? JSONDocument(bytes, limits: .token)
    else { return nil }
    func text(_ name: StaticString) -> String? {
      document.member(name, of: document.root).flatMap(document.string)
    }
    guard let address = text("server").flatMap(AuthorityAddress.init(argument:)),
      let token = text("token"), !token.isEmpty, token.utf8.count <= BearerToken.maximumLength
    else { return nil }
    let roots = document.member("ca", of: document.root)
    if let roots, document.kind(of: roots) != .null {
      guard let path = document.string(roots), path.utf8.first == UInt8(ascii: "/") else {
        return nil
      }
      self.roots = path
    } else {
      self.roots = nil
    }
    self.address = address
    self.token = BearerToken(token)
  }

  private var json: [UInt8] {
    var object = JSONObjectText()
    object.add("server", self.address.host.description)
    object.add("ca", self.roots)
    object.add("token", String(decoding: self.token.bytes, as: UTF8.self))
    return object.utf8 + [UInt8(ascii: "\n")]
  }
}
