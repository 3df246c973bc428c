// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore
internal import TokenwardTelemetry

extension ConfigurationDecoder {
  func issuers(_ field: ConfigurationField) -> [TrustedIssuer] {
    guard let fields = field.list("- issuer: https://issuer.example.com") else { return [] }
    guard fields.count <= JWTVerifier.maximumIssuers else {
      field.fail(
        "more than \(JWTVerifier.maximumIssuers) issuers",
        "list only issuers whose tokens are accepted here"
      )
      return []
    }
    var seen: Set<Issuer> = []
    return fields.compactMap { field in
      guard let section = field.section(Self.keys) else { return nil }
      let name = section.required("issuer", "write the exact value of `iss`")?
        .text("https://issuer.example.com")
      if let name, !seen.insert(Issuer(name)).inserted {
        section["issuer"]?.fail(
          "a second entry for \(ConfigurationError.shown(name)); which one counts would be a guess",
          "merge the two entries"
        )
      }
      return self.issuer(name.map { Issuer($0) }, section)
    }
  }

  private static let keys = [
    "issuer", "audiences", "audiences_unchecked_because", "algorithms", "jwks", "symmetric", "typ",
    "typ_unchecked_because", "clock_skew", "max_lifetime", "single_use",
  ]

  private func issuer(_ name: Issuer?, _ section: ConfigurationSection) -> TrustedIssuer? {
    // Each part is read even when another one is wrong, so that one run reports them all.
    let audiences = self.audiences(section)
    let algorithms = self.algorithms(section)
    let keys = self.keys(section)
    let type = self.type(section)
    let skew = self.clockSkew(section)
    let lifetime =
      section["max_lifetime"].map { $0.seconds() }
      ?? TrustedIssuer.defaultLifetimeSeconds
    let isSingleUse = section["single_use"].map { $0.flag() } ?? false
    guard let name, let audiences, let algorithms, let keys, let type, let skew, let lifetime,
      let isSingleUse
    else { return nil }
    do {
      return try TrustedIssuer(
        name,
        audiences: audiences,
        algorithms: algorithms,
        keys: StaticKeys(keys),
        type: type,
        clockSkew: skew,
        maximumLifetimeSeconds: lifetime,
        isSingleUse: isSingleUse
      )
    } catch {
      self.report.add(error, below: section.field.path)
      return nil
    }
  }

  private func audiences(_ section: ConfigurationSection) -> AudienceRequirement? {
    let field = section.either(
      "audiences",
      or: "audiences_unchecked_because",
      "write the value of `aud` that the issuer puts into tokens for this service"
    )
    guard let field else { return nil }
    if section["audiences"] != nil {
      return field.texts("[orders]").map { .oneOf($0.map { Audience($0) }) }
    }
    return self.reason(field).map { .unchecked(because: $0) }
  }

  private func type(_ section: ConfigurationSection) -> TokenType? {
    guard section["typ"] != nil || section["typ_unchecked_because"] != nil else {
      return .accessToken
    }
    guard let field = section.either("typ", or: "typ_unchecked_because", "write at+jwt") else {
      return nil
    }
    if section["typ"] != nil { return field.text("at+jwt").map { .mediaType($0) } }
    return self.reason(field).map { .unchecked(because: $0) }
  }

  private func clockSkew(_ section: ConfigurationSection) -> ClockSkew? {
    guard let field = section["clock_skew"] else { return ClockSkew.none }
    guard let seconds = field.seconds() else { return nil }
    do {
      return try ClockSkew(seconds: Int(clamping: seconds))
    } catch {
      self.report.add(error, below: section.field.path)
      return nil
    }
  }

  private func algorithms(_ section: ConfigurationSection) -> [Algorithm]? {
    let field = section.required("algorithms", "name what the issuer signs with: [ES256]")
    guard let fields = field?.list("[ES256]") else { return nil }
    let isLocal = section["symmetric"] != nil
    let algorithms = fields.map { field -> Algorithm? in
      guard let name = field.text("ES256") else { return nil }
      guard let algorithm = Algorithm(rawValue: name) else {
        let known = Algorithm.allCases.map(\.rawValue).joined(separator: ", ")
        field.fail("\(ConfigurationError.shown(name)) is no algorithm", "known: \(known)")
        return nil
      }
      guard algorithm.isSymmetric == isLocal else {
        field.fail(
          isLocal ? "is not for a shared secret" : "is for a shared secret, not for public keys",
          "HS256, HS384 and HS512 go with `symmetric`, the others with `jwks` (RFC 8725 §2.1)"
        )
        return nil
      }
      return algorithm
    }
    return algorithms.contains(nil) ? nil : algorithms.compactMap(\.self)
  }
}

// MARK: - Keys

extension ConfigurationDecoder {
  private func keys(_ section: ConfigurationSection) -> KeySet? {
    let field = section.either(
      "jwks",
      or: "symmetric",
      "name the file of the issuer's public keys: jwks: {file: issuer.jwks}"
    )
    guard let field else { return nil }
    return section["jwks"] != nil ? self.publicKeys(field) : self.sharedSecret(field)
  }

  private func publicKeys(_ field: ConfigurationField) -> KeySet? {
    guard let section = field.section(["file", "inline", "discover", "uri"]) else { return nil }
    for key in ["discover", "uri"] {
      guard let remote = section[key] else { continue }
      remote.fail(
        "this build reads keys from files and fetches nothing",
        "download the issuer's key set and write jwks: {file: …}"
      )
      return nil
    }
    guard let source = section.either("file", or: "inline", "name the file of public keys") else {
      return nil
    }
    let bytes =
      section["inline"] == nil
      ? self.content(of: source, "issuer.jwks", privacy: .publicContent)
      : self.inlineKeys(source)
    return bytes.flatMap { self.keySet($0, trust: .publicKeys, source) }
  }

  private func sharedSecret(_ field: ConfigurationField) -> KeySet? {
    guard let section = field.section(["file"]) else { return nil }
    let file = section.required("file", "name the file of the shared secret")
    guard let file,
      let bytes = self.content(of: file, "local.jwks", privacy: .ownerSecret)
    else { return nil }
    return self.keySet(bytes, trust: .localSymmetric, file)
  }

  private func keySet(
    _ bytes: [UInt8],
    trust: KeySet.Trust,
    _ field: ConfigurationField
  ) -> KeySet? {
    do {
      let keys = try KeySet(jwks: bytes, trust: trust)
      for skipped in keys.skipped {
        self.notices.append(
          "\(field.path): key \(skipped.index) is not used: \(skipped.problem.rawValue)"
        )
      }
      return keys
    } catch {
      let complaint = Self.complaint(error)
      field.fail(complaint.problem, complaint.hint)
      return nil
    }
  }

  private static func complaint(_ problem: KeySetProblem) -> (problem: String, hint: String) {
    switch problem {
    case .tooLarge: ("is longer than \(KeySet.maximumLength) bytes", "name the right file")
    case .malformed: ("is no JWK Set in strict JSON", "write {\"keys\": […]} (RFC 7517 §5)")
    case .tooManyKeys: ("has more than \(KeySet.maximumKeyCount) keys", "drop retired keys")
    case .privateMaterial:
      (
        "has a private or symmetric key, which everyone who reads it can sign with",
        "replace the key at its issuer, and publish the public half only"
      )
    case .mixedKeyTypes:
      ("mixes shared secrets and public keys", "keep them in files and issuers of their own")
    case .duplicateKeyID: ("has a `kid` twice", "give every key a name of its own")
    case .noUsableKeys(let skipped):
      (
        "has no usable key"
          + skipped.prefix(5).map { "; key \($0.index): \($0.problem.rawValue)" }.joined(),
        "give RSA of 2,048 bits or more, P-256, P-384, P-521 or Ed25519 keys"
      )
    }
  }

  /// A key set that stands in the configuration, as JSON. Every scalar of a key is text, so none is
  /// read as a YAML number.
  private func inlineKeys(_ field: ConfigurationField) -> [UInt8]? {
    guard
      field.section(["keys"])?.required("keys", "write inline: {keys: […]}")?
        .list("[{kty: EC, …}]") != nil
    else { return nil }
    var text: [UInt8] = []
    Self.append(field.node, to: &text)
    return text
  }

  private static func append(_ node: ConfigurationNode, to text: inout [UInt8]) {
    switch node.content {
    case .scalar(let scalar, _):
      JSONText.append(quoted: scalar, to: &text)
    case .list(let elements):
      text.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { text.append(UInt8(ascii: ",")) }
        self.append(element, to: &text)
      }
      text.append(UInt8(ascii: "]"))
    case .section(let entries):
      text.append(UInt8(ascii: "{"))
      for (index, entry) in entries.enumerated() {
        if index > 0 { text.append(UInt8(ascii: ",")) }
        JSONText.append(quoted: entry.key, to: &text)
        text.append(UInt8(ascii: ":"))
        self.append(entry.value, to: &text)
      }
      text.append(UInt8(ascii: "}"))
    }
  }
}
