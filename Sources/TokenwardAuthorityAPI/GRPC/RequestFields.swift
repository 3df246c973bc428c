// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import SwiftProtobuf
internal import TokenwardAuthority
internal import TokenwardCore

/// Reads fields of requests. What cannot be meant is refused: a date outside the calendar, a negative
/// time, an enumerator that nobody knows, an entry twice.
enum RequestFields {
  /// 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z, the range of `google.protobuf.Timestamp`.
  static let calendar: ClosedRange<Int64> = -62_135_596_800 ... 253_402_300_799
  /// The range of `google.protobuf.Duration`, in seconds.
  static let longestDuration: Int64 = 315_576_000_000
  /// The longest text of a field that has no shorter limit, in bytes.
  static let longestText = 1_024

  /// A restriction that is not understood is one that would not be kept: a client that is newer than
  /// this authority is told so instead of being given more than it asked for.
  static func checkKnown(_ message: some Message, _ field: String) throws(AuthorityError) {
    guard message.unknownFields.data.isEmpty else {
      throw .invalid(field: field, problem: "has a field that this authority does not know")
    }
  }

  /// A name, or nil for an empty one.
  static func name<Name: ByteComparedText>(
    _ text: String,
    _ field: String,
    as _: Name.Type = Name.self
  ) throws(AuthorityError) -> Name? {
    guard !text.isEmpty else { return nil }
    guard AuthorityLimits.isName(text) else {
      throw .invalid(
        field: field,
        problem: "must be 1 to \(AuthorityLimits.longestName) characters of A-Z a-z 0-9 . _ @ : -"
      )
    }
    return Name(text)
  }

  /// A name that must be there.
  static func required<Name: ByteComparedText>(
    _ text: String,
    _ field: String,
    as _: Name.Type = Name.self
  ) throws(AuthorityError) -> Name {
    guard let name = try self.name(text, field, as: Name.self) else {
      throw .invalid(field: field, problem: "is missing")
    }
    return name
  }

  /// The public name of an API token: 16 characters of base62.
  static func tokenID(_ text: String, _ field: String) throws(AuthorityError) -> TokenID {
    let bytes = text.utf8
    guard !bytes.isEmpty else { throw .invalid(field: field, problem: "is missing") }
    // A whole token in the place of its id would end up in the audit; it is not repeated here either.
    guard bytes.count == APITokenFormat.idLength, bytes.allSatisfy(APITokenFormat.digits.contains)
    else {
      throw .invalid(
        field: field,
        problem: "must be the \(APITokenFormat.idLength) characters behind twk_, not more"
      )
    }
    return TokenID(text)
  }

  /// Names of any kind: at most ``AuthorityLimits/mostGrants``, none twice, none empty.
  static func list<Name: ByteComparedText>(
    _ texts: [String],
    _ field: String,
    as _: Name.Type = Name.self
  ) throws(AuthorityError) -> [Name] {
    guard texts.count <= AuthorityLimits.mostGrants else {
      throw .invalid(field: field, problem: "has more than \(AuthorityLimits.mostGrants) entries")
    }
    guard texts.allSatisfy({ (1 ... Self.longestText).contains($0.utf8.count) }) else {
      throw .invalid(field: field, problem: "has an entry that is empty or too long")
    }
    let names = texts.map { Name($0) }
    guard Set(names).count == names.count else {
      throw .invalid(field: field, problem: "has an entry twice")
    }
    return names
  }

  /// A text for people.
  static func text(
    _ text: String,
    _ field: String,
    atMost most: Int = AuthorityLimits.longestText
  ) throws(AuthorityError) -> String {
    guard text.utf8.count <= most else {
      throw .invalid(field: field, problem: "is longer than \(most) bytes")
    }
    return text
  }

  static func labels(_ labels: [String: String]) throws(AuthorityError) -> [String: String] {
    guard labels.count <= AuthorityLimits.mostLabels else {
      throw .invalid(
        field: "labels",
        problem: "has more than \(AuthorityLimits.mostLabels) entries"
      )
    }
    for (name, value) in labels {
      guard AuthorityLimits.isName(name), value.utf8.count <= AuthorityLimits.longestName else {
        throw .invalid(
          field: "labels",
          problem: "names must be 1 to \(AuthorityLimits.longestName) characters of"
            + " A-Z a-z 0-9 . _ @ : -, and values no longer"
        )
      }
    }
    return labels
  }

  static func time(
    _ timestamp: Google_Protobuf_Timestamp,
    _ field: String
  ) throws(AuthorityError) -> UnixTime {
    guard Self.calendar.contains(timestamp.seconds), (0 ... 999_999_999).contains(timestamp.nanos)
    else { throw .invalid(field: field, problem: "is no time of the years 1 to 9999") }
    return UnixTime(seconds: timestamp.seconds, nanoseconds: timestamp.nanos)
  }

  /// Whole seconds. A fraction is refused instead of being rounded one way or the other.
  static func seconds(
    _ duration: Google_Protobuf_Duration,
    _ field: String,
    atLeast least: Int64
  ) throws(AuthorityError) -> Int64 {
    guard duration.nanos == 0 else {
      throw .invalid(field: field, problem: "must be whole seconds")
    }
    guard (least ... Self.longestDuration).contains(duration.seconds) else {
      throw .invalid(field: field, problem: "must be at least \(least) s")
    }
    return duration.seconds
  }

  static func idempotencyKey(_ text: String) throws(AuthorityError) -> IdempotencyKey? {
    guard !text.isEmpty else { return nil }
    guard let key = IdempotencyKey(text) else {
      throw .invalid(
        field: "idempotency_key",
        problem: "must be 22 to 128 random characters of A-Z a-z 0-9 _ -"
      )
    }
    return key
  }

  static func certificate(_ text: String) throws(AuthorityError) -> CertificateThumbprint? {
    guard !text.isEmpty else { return nil }
    guard let thumbprint = CertificateThumbprint(base64URL: text) else {
      throw .invalid(
        field: "certificate_thumbprint",
        problem: "must be SHA-256 of the certificate in base64url without padding"
      )
    }
    return thumbprint
  }

  static func networks(_ texts: [String]) throws(AuthorityError) -> [NetworkPrefix] {
    guard texts.count <= AuthorityLimits.mostGrants else {
      throw .invalid(
        field: "networks",
        problem: "has more than \(AuthorityLimits.mostGrants) entries"
      )
    }
    var networks: [NetworkPrefix] = []
    for text in texts {
      guard let network = NetworkPrefix(text) else {
        throw .invalid(
          field: "networks",
          problem: "must be like 10.0.0.0/8 or 2001:db8::/32, with all bits behind the length zero"
        )
      }
      guard !networks.contains(network) else {
        throw .invalid(field: "networks", problem: "has an entry twice")
      }
      networks.append(network)
    }
    return networks
  }

  /// A token as it was presented. What is no token at all is known to nobody, which is not an error
  /// here; only its absence is.
  static func secret(_ text: String, _ field: String) throws(AuthorityError) -> BearerToken {
    guard !text.isEmpty else { throw .invalid(field: field, problem: "is missing") }
    guard text.utf8.count <= BearerToken.maximumLength else {
      throw .invalid(field: field, problem: "is longer than \(BearerToken.maximumLength) bytes")
    }
    return BearerToken(text)
  }
}
