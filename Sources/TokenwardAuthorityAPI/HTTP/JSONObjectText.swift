// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Writes one flat JSON object. The answers of the endpoints have a dozen members whose names are
/// known when this is compiled; an encoder would look for them on every request.
struct JSONObjectText {
  private(set) var bytes: [UInt8] = [UInt8(ascii: "{")]

  /// The whole object.
  consuming func finished() -> [UInt8] {
    self.bytes.append(UInt8(ascii: "}"))
    return self.bytes
  }

  mutating func add(_ name: StaticString, _ value: String) {
    self.name(name)
    JSONText.append(quoted: value, to: &self.bytes)
  }

  /// A token. Its letters need no escapes; should one ever, it is escaped.
  mutating func add(_ name: StaticString, _ token: BearerToken) {
    let isPlain = token.bytes.allSatisfy { byte in
      byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }
    guard isPlain else { return self.add(name, token.text) }
    self.name(name)
    self.bytes.append(UInt8(ascii: "\""))
    self.bytes += token.bytes
    self.bytes.append(UInt8(ascii: "\""))
  }

  mutating func add(_ name: StaticString, _ value: Int64) {
    self.name(name)
    self.bytes += Array("\(value)".utf8)
  }

  mutating func add(_ name: StaticString, _ value: Bool) {
    self.name(name)
    self.bytes += Array((value ? "true" : "false").utf8)
  }

  mutating func add(_ name: StaticString, _ values: [String]) {
    self.name(name)
    self.bytes.append(UInt8(ascii: "["))
    for (index, value) in values.enumerated() {
      if index > 0 { self.bytes.append(UInt8(ascii: ",")) }
      JSONText.append(quoted: value, to: &self.bytes)
    }
    self.bytes.append(UInt8(ascii: "]"))
  }

  /// An object of one member.
  mutating func add(_ name: StaticString, _ member: StaticString, _ value: String) {
    var inner = JSONObjectText()
    inner.add(member, value)
    self.name(name)
    self.bytes += inner.finished()
  }

  private mutating func name(_ name: StaticString) {
    if self.bytes.count > 1 { self.bytes.append(UInt8(ascii: ",")) }
    self.bytes.append(UInt8(ascii: "\""))
    name.withUTF8Buffer { self.bytes += $0 }
    self.bytes += [UInt8(ascii: "\""), UInt8(ascii: ":")]
  }
}
