// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// A message for a keyed digest: fields with their lengths, so that no two lists of fields make the
/// same bytes, behind a purpose, so that a digest for one is none for another.
struct KeyedText {
  private(set) var bytes: [UInt8]

  init(_ purpose: StaticString) {
    self.bytes = []
    self.add("\(purpose)")
  }

  mutating func add(_ field: some Collection<UInt8>) {
    self.add(Int64(field.count))
    self.bytes.append(contentsOf: field)
  }

  mutating func add(_ field: String) { self.add(field.utf8) }

  mutating func add(_ number: Int64) {
    for shift in stride(from: 56, through: 0, by: -8) {
      self.bytes.append(UInt8(truncatingIfNeeded: number >> Int64(shift)))
    }
  }

  mutating func add(_ number: Int64?) {
    self.add(number == nil ? Int64(0) : 1)
    self.add(number ?? 0)
  }

  mutating func add(_ fields: [String]) {
    self.add(Int64(fields.count))
    for field in fields { self.add(field) }
  }

  func code(under pepper: Pepper) -> [UInt8] { pepper.code(for: self.bytes.span) }
}
