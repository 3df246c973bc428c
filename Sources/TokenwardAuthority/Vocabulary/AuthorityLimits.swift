// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// How long and how many things of an authority may be. What a caller asks for beyond a limit is
/// refused, never cut.
public struct AuthorityLimits: Sendable, Hashable {
  /// The longest life of an API token, in seconds. 366 days unless given.
  public var maximumTokenLifetimeSeconds: Int64
  /// The life of an API token that does not say, in seconds. 90 days unless given.
  public var defaultTokenLifetimeSeconds: Int64
  /// The longest time that an old secret works beside its successor, in seconds. 7 days unless given.
  public var maximumGraceSeconds: Int64
  /// The life of an access token that does not say, in seconds. 5 minutes unless given.
  public var defaultAccessLifetimeSeconds: Int64
  /// The longest life of an access token, in seconds; at most an hour.
  public var maximumAccessLifetimeSeconds: Int64
  /// How often one API token can be exchanged in the long run, a second: 1 to 1,000,000, and others
  /// count as the nearest of these. 100 unless given.
  public var exchangesPerSecond: Int64
  /// How often one API token can be exchanged at once after a pause; bounds as those of
  /// ``exchangesPerSecond``. 1,000 unless given.
  public var exchangeBurst: Int64

  /// Most records of owners and tenants, beyond which only those get one that have tokens. 10,000.
  package var mostIdleNames: Int
  /// Most roles. 1,000.
  package var mostRoles: Int

  /// The limits of an authority that is not told otherwise.
  public init() {
    self.maximumTokenLifetimeSeconds = 366 * 86_400
    self.defaultTokenLifetimeSeconds = 90 * 86_400
    self.maximumGraceSeconds = 7 * 86_400
    self.defaultAccessLifetimeSeconds = 300
    self.maximumAccessLifetimeSeconds = 3_600
    self.mostIdleNames = 10_000
    self.mostRoles = 1_000
    self.exchangesPerSecond = 100
    self.exchangeBurst = 1_000
  }

  /// Most roles, scopes, audiences or networks of one token, and most methods of one role.
  public static let mostGrants = 64
  /// How many refusals of one API token are written down in the long run, a second.
  static let refusalsPerSecond: Int64 = 10
  /// How many refusals of one API token are written down at once after a pause.
  static let refusalBurst: Int64 = 200
  /// Most labels of one token.
  public static let mostLabels = 16
  /// The longest name, label or reason, in bytes.
  public static let longestName = 128
  /// The longest reason or description, in bytes.
  public static let longestText = 512
  /// How long the answer to a request with an idempotency key can be repeated, in seconds.
  public static let receiptSeconds: Int64 = 3_600
  /// Most records of one page.
  public static let largestPage = 500

  /// Whether a text may name a tenant, an owner, a role or a label: 1 to 128 bytes of
  /// `[A-Za-z0-9._@:-]`. There is no slash, so `tenant/owner` cannot be read in two ways, and no
  /// letter outside ASCII, so no name looks like another.
  public static func isName(_ text: String) -> Bool {
    let bytes = text.utf8
    guard (1 ... Self.longestName).contains(bytes.count) else { return false }
    return bytes.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "A") ... UInt8(ascii: "Z"), UInt8(ascii: "a") ... UInt8(ascii: "z"),
        UInt8(ascii: "0") ... UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "@"), UInt8(ascii: ":"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
  }
}
