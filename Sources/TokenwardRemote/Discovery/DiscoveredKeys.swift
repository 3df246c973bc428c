// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore
internal import TokenwardHTTP

/// A key set whose address the issuer's discovery document gives. The document is fetched each time:
/// an issuer that moves its keys is followed, as far as the rules let it move them.
struct DiscoveredKeys: KeyDocuments {
  let issuer: Issuer
  let url: RemoteURL
  let kind: KeyLocation.Discovery
  /// Hosts that keys may be on besides the issuer's own.
  let hosts: [String]
  let tokenFile: String?
  let client: any HTTPTransport

  func fetch() async throws(KeyFetchProblem) -> KeyDocument {
    // One limit for all requests together: each could take the whole of it.
    let deadline = ContinuousClock.now + HTTPSClient.deadline
    let token = try KeyToken.header(from: self.tokenFile)
    let document = try await self.discover(headers: token, deadline: deadline)
    let address = try self.keysAddress(in: document)
    // The token is for the issuer, not for whoever keeps its keys.
    let headers = address.hasSameOrigin(as: self.url) ? token : []
    let answer = try await self.client.get(address, headers: headers, deadline: deadline)
    return KeyDocument(bytes: answer.body, freshness: CacheControl.freshness(of: answer))
  }

  private func discover(
    headers: [(name: String, value: String)],
    deadline: ContinuousClock.Instant
  ) async throws(KeyFetchProblem) -> [UInt8] {
    let addresses = try self.documentAddresses()
    for (index, address) in addresses.enumerated() {
      do throws(KeyFetchProblem) {
        return try await self.client.get(address, headers: headers, deadline: deadline).body
      } catch .statusRefused where index < addresses.count - 1 {
        continue  // There is no such document; there may be one of the other kind.
      }
    }
    throw .statusRefused
  }

  private func documentAddresses() throws(KeyFetchProblem) -> [RemoteURL] {
    var path = self.url.path
    // One trailing slash of the issuer is not doubled (OpenID Connect Discovery §4.1).
    if path.utf8.last == UInt8(ascii: "/") {
      path = String(decoding: path.utf8.dropLast(), as: UTF8.self)
    }
    let openID = "\(path)/.well-known/openid-configuration"
    let oauth = "/.well-known/oauth-authorization-server\(path)"
    let paths =
      switch self.kind {
      case .any: [openID, oauth]
      case .openID: [openID]
      case .oauth: [oauth]
      }
    do throws(RemoteURL.Problem) {
      var addresses: [RemoteURL] = []
      for path in paths { addresses.append(try self.url.replacing(path: path)) }
      return addresses
    } catch {
      throw .keysAddressForbidden
    }
  }

  /// `jwks_uri`, if the document is of the configured issuer and the address is where keys may be.
  private func keysAddress(in bytes: [UInt8]) throws(KeyFetchProblem) -> RemoteURL {
    guard let document = try? JSONDocument(bytes, limits: .discovery),
      document.kind(of: document.root) == .object,
      let issuer = document.member("issuer", of: document.root),
      document.kind(of: issuer) == .string,
      let node = document.member("jwks_uri", of: document.root),
      let text = document.string(node)
    else { throw .discoveryMalformed }
    guard document.equals(issuer, utf8: Array(self.issuer.text.utf8)) else {
      throw .discoveryIssuerMismatch
    }
    let plaintext = self.url.isTLS ? nil : RemoteURL.Plaintext(because: "the issuer is plain too")
    guard let address = try? RemoteURL(text, plaintext: plaintext) else {
      throw .keysAddressForbidden
    }
    // An issuer whose document somebody can write to must not make this process ask whatever address
    // it likes (catalogue J04).
    let isExpected =
      address.host.hasSameBytes(as: self.url.host)
      || (!address.isAddress && address.isTLS
        && self.hosts.contains { $0.hasSameBytes(as: address.host) })
    guard isExpected else { throw .keysAddressForbidden }
    return address
  }
}

extension JSONLimits {
  /// A discovery document: some have lists of a few hundred names.
  static let discovery = JSONLimits(bytes: 256 * 1_024, depth: 16, membersPerObject: 256)
}
