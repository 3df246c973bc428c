// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import TokenwardCore

/// A table of API tokens, and tokens for it.
struct APITokenFixture {
  let snapshot = APITokenSnapshot()
  static let now = UnixTime(seconds: 1_800_000_000)

  /// A pepper with this number, always the same.
  static func pepper(_ id: UInt32) -> Pepper {
    guard let pepper = Pepper(id: id, key: SecretBytes([UInt8](repeating: UInt8(id), count: 32)))
    else { fatalError("32 bytes are enough") }
    return pepper
  }

  init(peppers: [UInt32] = [1], current: UInt32 = 1) {
    self.snapshot.setPeppers(peppers.map(Self.pepper), current: current)
  }

  static func id(_ number: Int) -> TokenID {
    let digits = String(number)
    return TokenID(String(repeating: "0", count: 16 - digits.utf8.count) + digits)
  }

  static func secret(_ letter: Character = "s") -> [UInt8] {
    Array(String(repeating: letter, count: 43).utf8)
  }

  static func token(_ number: Int = 1, _ letter: Character = "s") -> [UInt8] {
    APITokenFormat.token(id: Array(Self.id(number).text.utf8), secret: Self.secret(letter))
  }

  static func digest(
    _ number: Int = 1,
    _ letter: Character = "s",
    pepper: UInt32 = 1
  ) -> APITokenEntry.Digest {
    .init(
      pepper: pepper,
      code: Self.pepper(pepper).code(
        forID: Array(Self.id(number).text.utf8),
        secret: Self.secret(letter)
      )
    )
  }

  static func entry(_ number: Int = 1, _ letter: Character = "s") -> APITokenEntry {
    APITokenEntry(
      id: Self.id(number),
      tenant: "acme",
      owner: "shop",
      scopes: ["orders.read"],
      audiences: ["orders"],
      createdAt: Self.now.adding(seconds: -100),
      expiresAt: Self.now.adding(seconds: 100),
      secret: Self.digest(number, letter)
    )
  }

  /// Why the token is refused; nil if it is not.
  func refusal(
    _ token: [UInt8] = APITokenFixture.token(),
    at now: UnixTime = APITokenFixture.now
  ) -> DenialReason? {
    do throws(DenialReason) {
      _ = try self.snapshot.match(token, at: now)
      return nil
    } catch {
      return error
    }
  }
}
