// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

extension StoreKey {
  /// What kind of record is found by a key. The numbers are kept in databases: they never change.
  package enum Kind: UInt8, Sendable, CaseIterable {
    case token = 1
    case owner = 2
    case tenant = 3
    case role = 4
    case signingKey = 5
    case receipt = 6
    case withdrawn = 7
  }

  /// What kind of record is found by this key.
  package var kind: Kind {
    switch self {
    case .token: .token
    case .owner: .owner
    case .tenant: .tenant
    case .role: .role
    case .signingKey: .signingKey
    case .receipt: .receipt
    case .withdrawn: .withdrawn
    }
  }

  /// The bytes that tell this key from all others of its kind.
  package var bytes: [UInt8] {
    switch self {
    case .token(let id), .withdrawn(let id): return Array(id.text.utf8)
    case .owner(let tenant, let owner):
      // The length in front: no two pairs of names run together into the same bytes.
      var writer = RecordWriter()
      writer.text(tenant.text)
      writer.text(owner.text)
      return writer.bytes
    case .tenant(let tenant): return Array(tenant.text.utf8)
    case .role(let role): return Array(role.text.utf8)
    case .signingKey(let id): return id.utf8
    case .receipt(let key): return key
    }
  }
}
