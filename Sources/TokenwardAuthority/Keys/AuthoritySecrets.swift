// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
public import TokenwardCore

/// The secrets of an authority: the peppers that its records are digested under and the keys that its
/// signing keys are sealed with. All of them are one document in one place (``SecretKeeper``), so that
/// either all of them are there or none.
///
/// A value is one state of the document. ``load(from:isFirstStart:at:)`` again after another process
/// has rotated a secret.
public struct AuthoritySecrets: Sendable {
  /// Most peppers, or sealing keys, that have been replaced and are still kept.
  public static var mostRetired: Int { SecretDocument.mostRetired }

  /// The pepper that new secrets are digested under.
  public let current: Pepper
  /// Every pepper, the current one first.
  public let peppers: [Pepper]
  /// The name of the key that new signing keys are sealed with.
  public let currentSealingKey: UInt32

  private let sealing: [UInt32: SymmetricKey]

  /// A pepper by its name; nil for one that is not kept any more.
  public func pepper(_ id: UInt32) -> Pepper? {
    for pepper in self.peppers where pepper.id == id { return pepper }
    return nil
  }

  /// The keys of the audit chain, the one for new records first. Each is derived from the pepper of
  /// its name: whoever can write to the audit file and has no secret cannot make a chain that fits.
  public var auditKeys: [Pepper] {
    self.peppers.compactMap { pepper in
      var key = KeyedText("tokenward audit 1").code(under: pepper)
      defer { SecretText.wipe(&key) }
      return Pepper(id: pepper.id, key: SecretBytes(key))
    }
  }

  /// A sealing key by its name; nil for one that is not kept any more.
  func sealingKey(_ id: UInt32) -> SymmetricKey? { self.sealing[id] }

  init(_ document: SecretDocument) throws(SecretError) {
    var peppers: [Pepper] = []
    for entry in document.peppers {
      let pepper = entry.key.withUnsafeBytes { Pepper(id: entry.id, key: SecretBytes($0)) }
      if let pepper { peppers.append(pepper) }
    }
    guard peppers.count == document.peppers.count, let current = peppers.first,
      let sealing = document.sealing.first
    else { throw SecretDocument.unusable("lack a pepper or a sealing key") }
    self.current = current
    self.peppers = peppers
    self.currentSealingKey = sealing.id
    var keys: [UInt32: SymmetricKey] = [:]
    for entry in document.sealing { keys[entry.id] = entry.key }
    self.sealing = keys
  }
}

extension AuthoritySecrets: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable
{
  /// Counts only.
  public var description: String {
    "<authority secrets: \(self.peppers.count) peppers, \(self.sealing.count) sealing keys>"
  }
  /// The same.
  public var debugDescription: String { self.description }
  /// Nothing (catalogue L08).
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
