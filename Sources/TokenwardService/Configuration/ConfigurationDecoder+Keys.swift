// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore
internal import TokenwardHTTP
internal import TokenwardRemote

/// Where the keys of an issuer come from.
extension ConfigurationDecoder {
  func keys(
    of issuer: Issuer?,
    _ section: ConfigurationSection,
    _ profile: IssuerProfile?
  ) -> (any KeySource)? {
    if let profile, section["jwks"] == nil, section["symmetric"] == nil {
      return issuer.flatMap { issuer in
        self.remote(issuer, profile.location, KeyAccess(), KeyRefreshTiming(), [], section.field)
      }
    }
    let field = section.either(
      "jwks",
      or: "symmetric",
      "say where the issuer's public keys are: jwks: {discover: true}"
    )
    guard let field else { return nil }
    return section["jwks"] != nil
      ? self.publicKeys(of: issuer, field, profile) : self.sharedSecret(field)
  }

  private static let publicKeys = [
    "discover", "uri", "file", "inline", "hosts", "ca", "token_file", "plaintext_because",
    "max_stale", "refresh", "cooldown", "revoked_kids",
  ]

  private func publicKeys(
    of issuer: Issuer?,
    _ field: ConfigurationField,
    _ profile: IssuerProfile?
  ) -> (any KeySource)? {
    guard let section = field.section(Self.publicKeys) else { return nil }
    let places = ["discover", "uri", "file", "inline"].filter { section[$0] != nil }
    guard places.count <= 1 else {
      section[places[1]]?.fail(
        "stands beside \(places[0]); only one of them can count",
        "remove one of them"
      )
      return nil
    }
    let revoked = self.revoked(section)
    if let source = section["inline"] {
      guard self.nothingRemote(section, besides: ["revoked_kids"]), let revoked else { return nil }
      return self.inlineKeys(source).flatMap { bytes in
        self.keySet(bytes, trust: .publicKeys, revoked: revoked, source)
      }.map { StaticKeys($0) }
    }
    let timing = self.timing(section)
    if let file = section["file"] {
      guard self.nothingRemote(section, besides: ["revoked_kids", "max_stale"]), let revoked,
        let timing, let bytes = self.content(of: file, "issuer.jwks", privacy: .publicContent),
        let path = self.path(file, "issuer.jwks"),
        self.keySet(bytes, trust: .publicKeys, revoked: revoked, file) != nil
      else { return nil }
      return issuer.flatMap { self.remote($0, .file(path), KeyAccess(), timing, revoked, file) }
    }
    let access = self.access(section)
    if let reason = section["plaintext_because"], section["uri"] == nil,
      issuer?.text.utf8.starts(with: "https://".utf8) == true
    {
      reason.fail("means nothing: the issuer is https", "remove the reason")
      return nil
    }
    let location = self.location(section, profile, plaintext: access?.plaintext)
    guard let issuer, let revoked, let timing, let access, let location else { return nil }
    return self.remote(issuer, location, access, timing, revoked, field)
  }

  private func remote(
    _ issuer: Issuer,
    _ location: KeyLocation,
    _ access: KeyAccess,
    _ timing: KeyRefreshTiming,
    _ revoked: Set<KeyID>,
    _ field: ConfigurationField
  ) -> RemoteKeySet? {
    do throws(ConfigurationError) {
      let keys = try RemoteKeySet(
        of: issuer,
        from: location,
        access: access,
        timing: timing,
        revoked: revoked,
        time: self.time
      )
      self.keySets.append(keys)
      return keys
    } catch {
      self.report.add(error, below: field.path)
      return nil
    }
  }

  private func location(
    _ section: ConfigurationSection,
    _ profile: IssuerProfile?,
    plaintext: RemoteURL.Plaintext?
  ) -> KeyLocation? {
    if let field = section["uri"] {
      if let hosts = section["hosts"] {
        hosts.fail("is for discovered keys", "with uri the address itself says where they are")
        return nil
      }
      return self.address(field, plaintext: plaintext).map { .address($0) }
    }
    var hosts = profile?.keyHosts ?? []
    if let field = section["hosts"] {
      guard let given = field.texts("[keys.example.com]") else { return nil }
      for host in given {
        // As an address reads it: anything else would silently never match.
        guard let url = try? RemoteURL("https://\(host)"), url.host.hasSameBytes(as: host),
          !url.isAddress
        else {
          field.fail(
            "\(ConfigurationError.shown(host)) is no name of a host",
            "write the name alone, in lower case: keys.example.com"
          )
          return nil
        }
      }
      hosts = given
    }
    guard let field = section["discover"] else {
      if let profile { return .discovery(profile.discovery, hosts: hosts) }
      section.field.fail(
        "does not say where the keys are",
        "write one of: discover: true, uri: https://…, file: …, inline: {keys: […]}"
      )
      return nil
    }
    if case .scalar(let text, let isPlain) = field.node.content {
      if isPlain, text.hasSameBytes(as: "true") { return .discovery(.any, hosts: hosts) }
      if text.hasSameBytes(as: "openid") { return .discovery(.openID, hosts: hosts) }
      if text.hasSameBytes(as: "oauth") { return .discovery(.oauth, hosts: hosts) }
    }
    field.fail(
      "is none of true, openid and oauth",
      "write true, or which document: openid (OpenID Connect) or oauth (RFC 8414)"
    )
    return nil
  }

  func address(_ field: ConfigurationField, plaintext: RemoteURL.Plaintext?) -> RemoteURL? {
    guard let text = field.text("https://issuer.example.com/jwks.json") else { return nil }
    do throws(RemoteURL.Problem) {
      let url = try RemoteURL(text, plaintext: plaintext)
      guard url.isTLS, plaintext != nil else { return url }
      field.fail("is https, so plaintext_because beside it means nothing", "remove the reason")
      return nil
    } catch {
      field.fail("\(ConfigurationError.shown(text)) cannot be asked", error.explanation)
      return nil
    }
  }

  private func access(_ section: ConfigurationSection) -> KeyAccess? {
    var access = KeyAccess()
    if let roots = section["ca"] {
      guard let path = self.path(roots, "issuer-ca.pem") else { return nil }
      access.roots = .file(path)
    }
    if let token = section["token_file"] {
      guard let path = self.path(token, "token") else { return nil }
      access.tokenFile = path
    }
    if let field = section["plaintext_because"] {
      guard let reason = self.reason(field) else { return nil }
      access.plaintext = RemoteURL.Plaintext(because: reason)
    }
    return access
  }

  private func timing(_ section: ConfigurationSection) -> KeyRefreshTiming? {
    var timing = KeyRefreshTiming()
    for (key, part) in [
      ("max_stale", \KeyRefreshTiming.maximumStaleness), ("refresh", \.interval),
      ("cooldown", \.cooldown),
    ] {
      guard let field = section[key] else { continue }
      guard let seconds = field.seconds() else { return nil }
      timing[keyPath: part] = .seconds(seconds)
    }
    return timing
  }

  private func revoked(_ section: ConfigurationSection) -> Set<KeyID>? {
    guard let field = section["revoked_kids"] else { return [] }
    guard let names = field.texts("[key-2025]") else { return nil }
    let ids = names.compactMap { KeyID($0) }
    guard ids.count == names.count else {
      field.fail("has a name that no key can have", "write each `kid` as the key set does")
      return nil
    }
    return Set(ids)
  }

  /// Reports settings that mean nothing where keys are read and not fetched.
  private func nothingRemote(_ section: ConfigurationSection, besides allowed: [String]) -> Bool {
    let remote = [
      "hosts", "ca", "token_file", "plaintext_because", "max_stale", "refresh", "cooldown",
    ]
    var isFine = true
    for key in remote + ["revoked_kids"] where !allowed.contains(key) {
      guard let field = section[key] else { continue }
      field.fail("is for keys that are fetched", "remove it, or say discover or uri")
      isFine = false
    }
    return isFine
  }

  private func sharedSecret(_ field: ConfigurationField) -> (any KeySource)? {
    guard let section = field.section(["file"]) else { return nil }
    let file = section.required("file", "name the file of the shared secret")
    guard let file,
      let bytes = self.content(of: file, "local.jwks", privacy: .ownerSecret)
    else { return nil }
    return self.keySet(bytes, trust: .localSymmetric, file).map { StaticKeys($0) }
  }

  private func keySet(
    _ bytes: [UInt8],
    trust: KeySet.Trust,
    revoked: Set<KeyID> = [],
    _ field: ConfigurationField
  ) -> KeySet? {
    do {
      let keys = try KeySet(jwks: bytes, trust: trust, revoked: revoked)
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
