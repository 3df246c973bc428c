// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Where the claims that take part in a decision stand, found in one pass over the payload.
struct ClaimMembers {
  private(set) var iss: JSONDocument.Node?
  private(set) var sub: JSONDocument.Node?
  private(set) var aud: JSONDocument.Node?
  private(set) var exp: JSONDocument.Node?
  private(set) var nbf: JSONDocument.Node?
  private(set) var iat: JSONDocument.Node?
  private(set) var jti: JSONDocument.Node?
  private(set) var cnf: JSONDocument.Node?
  private(set) var act: JSONDocument.Node?
  private(set) var crit: JSONDocument.Node?
  private(set) var scope: JSONDocument.Node?
  private(set) var roles: JSONDocument.Node?
  private(set) var clientID: JSONDocument.Node?
  private(set) var tenant: JSONDocument.Node?
  private(set) var methods: JSONDocument.Node?
  private(set) var networks: JSONDocument.Node?

  init(of document: JSONDocument) {
    let bytes = document.bytes.span
    for (name, value) in document.members(of: document.root) {
      if let range = document.rawString(name) {
        self.note(bytes.extracting(range), value)
      } else if let unescaped = document.utf8(name) {
        self.note(unescaped.span, value)
      }
    }
  }

  /// Names are told apart by their length and bytes packed into one number, the first byte highest.
  /// The length is in it because a NUL in front of a name is a byte of another name.
  private mutating func note(_ name: Span<UInt8>, _ value: JSONDocument.Node) {
    switch name.count {
    case 3 ... 6:
      var packed = UInt64(name.count)
      for index in name.indices { packed = packed << 8 | UInt64(name[index]) }
      switch packed {
      case 0x03_69_73_73: self.iss = value
      case 0x03_73_75_62: self.sub = value
      case 0x03_61_75_64: self.aud = value
      case 0x03_65_78_70: self.exp = value
      case 0x03_6E_62_66: self.nbf = value
      case 0x03_69_61_74: self.iat = value
      case 0x03_6A_74_69: self.jti = value
      case 0x03_63_6E_66: self.cnf = value
      case 0x03_61_63_74: self.act = value
      case 0x04_63_72_69_74: self.crit = value
      case 0x05_73_63_6F_70_65: self.scope = value
      case 0x05_72_6F_6C_65_73: self.roles = value
      case 0x06_74_65_6E_61_6E_74: self.tenant = value
      default: break
      }
    case 9:
      let clientID = "client_id".utf8
      if name.hasSameBytes(as: clientID.span) { self.clientID = value }
    case 17:
      let methods = "tokenward_methods".utf8
      if name.hasSameBytes(as: methods.span) { self.methods = value }
    case 18:
      let networks = "tokenward_networks".utf8
      if name.hasSameBytes(as: networks.span) { self.networks = value }
    default:
      break
    }
  }
}
