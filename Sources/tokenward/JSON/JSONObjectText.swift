// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Builds one JSON object on one line.
struct JSONObjectText {
  private var bytes: [UInt8] = [UInt8(ascii: "{")]

  /// The finished object.
  var text: String { String(decoding: self.utf8, as: UTF8.self) }
  /// The finished object.
  var utf8: [UInt8] { self.bytes + [UInt8(ascii: "}")] }

  /// Adds a string, or null.
  mutating func add(_ name: StaticString, _ value: String?) {
    self.add(name: name)
    if let value {
      JSONText.append(quoted: value, to: &self.bytes)
    } else {
      self.bytes += "null".utf8
    }
  }

  /// Adds an integer, or null.
  mutating func add(_ name: StaticString, _ value: Int64?) {
    self.add(name, json: Array((value.map { "\($0)" } ?? "null").utf8))
  }

  /// Adds true or false.
  mutating func add(_ name: StaticString, _ value: Bool) {
    self.add(name, json: Array((value ? "true" : "false").utf8))
  }

  /// Adds an object of strings, its members ordered by name.
  mutating func add(_ name: StaticString, _ members: [String: String]) {
    var object: [UInt8] = []
    for (key, value) in members.sorted(by: { $0.key < $1.key }) {
      if !object.isEmpty { object.append(UInt8(ascii: ",")) }
      JSONText.append(quoted: key, to: &object)
      object.append(UInt8(ascii: ":"))
      JSONText.append(quoted: value, to: &object)
    }
    self.add(name, json: [UInt8(ascii: "{")] + object + [UInt8(ascii: "}")])
  }

  /// Adds an object, or null.
  mutating func add(_ name: StaticString, _ object: JSONObjectText?) {
    self.add(name, json: object?.utf8 ?? Array("null".utf8))
  }

  /// Adds a list of strings.
  mutating func add(_ name: StaticString, _ values: [String]) {
    var list: [UInt8] = []
    for value in values {
      if !list.isEmpty { list.append(UInt8(ascii: ",")) }
      JSONText.append(quoted: value, to: &list)
    }
    self.add(name, json: [UInt8(ascii: "[")] + list + [UInt8(ascii: "]")])
  }

  /// Adds a list of objects.
  mutating func add(_ name: StaticString, _ objects: [JSONObjectText]) {
    let list = objects.map(\.utf8).joined(separator: [UInt8(ascii: ",")])
    self.add(name, json: [UInt8(ascii: "[")] + list + [UInt8(ascii: "]")])
  }

  /// Adds a value that is JSON already.
  mutating func add(_ name: StaticString, json value: [UInt8]) {
    self.add(name: name)
    self.bytes += value
  }

  private mutating func add(name: StaticString) {
    if self.bytes.count > 1 { self.bytes.append(UInt8(ascii: ",")) }
    JSONText.append(quoted: "\(name)", to: &self.bytes)
    self.bytes.append(UInt8(ascii: ":"))
  }
}
