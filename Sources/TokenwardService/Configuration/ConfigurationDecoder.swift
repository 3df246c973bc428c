// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore
internal import TokenwardRemote

/// Turns sections into values. What is wrong goes into the report; the caller looks there at the end.
final class ConfigurationDecoder {
  let report: ProblemReport
  var notices: [String] = []
  /// The key sets that have to be kept up to date.
  var keySets: [RemoteKeySet] = []
  /// The authority of this process; nil if there is none. Read before what may trust it.
  var authority: Configuration.Authority?
  /// Whether the file has an authority, readable or not.
  var hasAuthority = false
  /// How guards of this process verify tokens of the authority; nil if they do not trust it.
  var trust: AuthorityTrust?
  /// Whether they accept API tokens, too.
  var acceptsAPITokens = false
  let time: any TimeSource
  private let folder: String

  init(folder: String, report: ProblemReport, time: any TimeSource) {
    self.folder = folder
    self.time = time
    self.report = report
  }

  /// A path of the file, made absolute if the folder is.
  func path(_ field: ConfigurationField?, _ example: String) -> String? {
    guard let text = field?.text(example) else { return nil }
    return text.utf8.first == UInt8(ascii: "/") ? text : self.folder + text
  }

  /// The content of a file that a field names.
  func content(
    of field: ConfigurationField?,
    _ example: String,
    privacy: ReadableFile.Privacy
  ) -> [UInt8]? {
    guard let field, let path = self.path(field, example) else { return nil }
    do {
      return try ReadableFile.read(path, limit: KeySet.maximumLength, privacy: privacy)
    } catch {
      field.fail("\(ConfigurationError.shown(path)) \(error.problem)", error.hint)
      return nil
    }
  }

  /// A reason in words, for the reader of the configuration.
  func reason(_ field: ConfigurationField?) -> String? {
    guard let field, let text = field.text("the words of whoever decided it") else { return nil }
    guard text.utf8.contains(where: { $0 > 0x20 && $0 < 0x7F }) else {
      field.fail("has no reason", "say why, for whoever reads the configuration next year")
      return nil
    }
    return text
  }
}

extension ConfigurationDecoder {
  func policy(_ field: ConfigurationField) -> MethodPolicy? {
    guard let fields = field.list("- method: orders.v1.Orders/Get") else { return nil }
    var rules: [Allow] = []
    var positions: [Int] = []
    for (index, field) in fields.enumerated() {
      guard let rule = self.rule(field) else { continue }
      rules.append(rule)
      positions.append(index)
    }
    // With every rule unreadable there is nothing left that could be judged.
    guard !rules.isEmpty else { return nil }
    do {
      return try MethodPolicy(rules)
    } catch {
      for problem in error.problems {
        let path = Self.path(problem.path, positions: positions)
        self.report.add(path, problem.problem, problem.hint)
      }
      return nil
    }
  }

  private func rule(_ field: ConfigurationField) -> Allow? {
    guard let section = field.section(["method", "allow"]) else { return nil }
    let method = section.required("method", "write package.Service/Method or package.Service/*")?
      .text("orders.v1.Orders/Get")
    let requirement = section.required(
      "allow",
      "write anonymous, authenticated, or what callers need: {scopes: [orders.read]}"
    ).flatMap(self.requirement)
    guard let method, let requirement else { return nil }
    return Allow(method, requirement)
  }

  private static let requirementKeys = [
    "scopes", "any_scopes", "roles", "subjects", "issuer", "end_user",
  ]

  /// Subjects and the issuer that they are of, or nil within if there are none; nil if they cannot be
  /// read.
  private func callers(_ section: ConfigurationSection) -> Requirement?? {
    guard section["subjects"] != nil || section["issuer"] != nil else { return .some(nil) }
    let subjects = section.required("subjects", "name who may call: [spiffe://example.org/web]")?
      .texts("[spiffe://example.org/web]")
    let issuer = section.required("issuer", "say whose subjects these are")?
      .text("https://issuer.example.com")
    guard let subjects, let issuer else { return nil }
    return .subjects(subjects.map { Subject($0) }, of: Issuer(issuer))
  }

  private func requirement(_ field: ConfigurationField) -> Requirement? {
    if case .scalar = field.node.content {
      guard let word = field.text("authenticated") else { return nil }
      if word.hasSameBytes(as: "anonymous") { return .anonymous }
      if word.hasSameBytes(as: "authenticated") { return .authenticated }
      field.fail(
        "is neither anonymous nor authenticated",
        "write one of the two words, or what callers need: {scopes: [orders.read]}"
      )
      return nil
    }
    guard let section = field.section(Self.requirementKeys) else {
      return nil
    }
    let scopes = section["scopes"].map { $0.texts("[orders.read]")?.map { Scope($0) } }
    let anyScopes = section["any_scopes"].map { $0.texts("[orders.read]")?.map { Scope($0) } }
    let roles = section["roles"].map { $0.texts("[orders-admin]")?.map { Role($0) } }
    let callers = self.callers(section)
    let isEndUser = section["end_user"].map { $0.flag() }
    // A part that is there but unreadable must not leave the others standing as a weaker rule.
    var requirement = Requirement.authenticated
    if let scopes {
      guard let scopes else { return nil }
      requirement = requirement.and(.scopes(scopes))
    }
    if let anyScopes {
      guard let anyScopes else { return nil }
      requirement = requirement.and(.anyScope(anyScopes))
    }
    if let roles {
      guard let roles else { return nil }
      requirement = requirement.and(.roles(roles))
    }
    guard let callers else { return nil }
    if let callers { requirement = requirement.and(callers) }
    if let isEndUser {
      guard let isEndUser else { return nil }
      if isEndUser { requirement = requirement.forEndUsers }
    }
    guard requirement != .authenticated else {
      field.fail("requires nothing", "write authenticated if any verified caller may call")
      return nil
    }
    return requirement
  }

  /// The core counts the rules that it was given; the file may have unreadable ones in between.
  private static func path(_ path: String, positions: [Int]) -> String {
    guard let open = path.firstIndex(of: "["), let close = path.firstIndex(of: "]"), open < close,
      let position = Int(path[path.index(after: open) ..< close]),
      positions.indices.contains(position)
    else { return path }
    return "\(path[...open])\(positions[position])\(path[close...])"
  }
}

extension ConfigurationDecoder {
  func admin(_ field: ConfigurationField) -> Configuration.Admin? {
    guard let section = field.section(["listen", "allow_remote_because", "ready_grace"]) else {
      return nil
    }
    let because = section["allow_remote_because"].map(self.reason)
    guard let address = self.address(section, "127.0.0.1:9901") else { return nil }
    if let because, because == nil { return nil }
    let grace = section["ready_grace"].map { $0.seconds() } ?? 30
    guard let grace else { return nil }
    guard address.isLoopback || because != nil else {
      section["listen"]?.fail(
        "can be reached from other machines, and whoever reaches it reads the metrics",
        "listen on 127.0.0.1, or say why not in allow_remote_because"
      )
      return nil
    }
    return Configuration.Admin(
      listen: address,
      allowRemoteBecause: because ?? nil,
      readyGrace: .seconds(grace)
    )
  }

  func audit(_ field: ConfigurationField) -> Configuration.Audit? {
    let section = field.section(["file"])
    let file = self.path(section?.required("file", "name the file of decisions"), "audit.jsonl")
    return file.map { Configuration.Audit(file: $0) }
  }

  func server(_ field: ConfigurationField) -> Configuration.Server? {
    guard let section = field.section(["listen", "tls", "plaintext_because"]) else { return nil }
    let address = self.address(section, "127.0.0.1:8443")
    let protection = section.either(
      "tls",
      or: "plaintext_because",
      "give tls: {certificate: server.pem, key: server.key}"
    )
    guard let protection else { return nil }
    let transport: Configuration.Server.Transport? =
      if section["tls"] != nil {
        self.tls(protection).map { .tls($0) }
      } else {
        self.reason(protection).map { .plaintext(because: $0) }
      }
    guard let address, let transport else { return nil }
    return Configuration.Server(listen: address, transport: transport)
  }

  private func tls(_ field: ConfigurationField) -> Configuration.Server.TLS? {
    guard let section = field.section(["certificate", "key", "client_ca"]) else { return nil }
    let files: [(String, ReadableFile.Privacy, Bool)] = [
      ("certificate", .publicContent, true), ("key", .groupSecret, true),
      ("client_ca", .publicContent, false),
    ]
    var paths: [String?] = []
    for (key, privacy, isRequired) in files {
      let file = isRequired ? section.required(key, "name a PEM file") : section[key]
      // Read here to say now what would fail at the first connection; the content is not kept.
      let isReadable = self.content(of: file, "server.pem", privacy: privacy) != nil
      paths.append(isReadable ? self.path(file, "server.pem") : nil)
      if file != nil, !isReadable { return nil }
    }
    guard let certificate = paths[0], let key = paths[1] else { return nil }
    return Configuration.Server.TLS(certificate: certificate, key: key, clientCA: paths[2])
  }

  private func address(_ section: ConfigurationSection, _ example: String) -> ListenAddress? {
    guard let field = section.required("listen", "write an address and a port: \(example)"),
      let text = field.text(example)
    else { return nil }
    guard let address = ListenAddress(text) else {
      field.fail("is no address and port", "write numbers, not names: \(example) or [::1]:8443")
      return nil
    }
    return address
  }
}
