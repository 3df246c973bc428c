// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

@Suite("Secrets of the authority")
struct KeysSecretsTests {
  let now = ManualClock.defaultStart
  static let a = String(repeating: "A", count: 43)
  static let b = String(repeating: "B", count: 42) + "A"
  static let c = String(repeating: "C", count: 42) + "A"

  static func document(_ peppers: String, _ sealing: String, version: String = "1") -> String {
    #"{"version":\#(version),"peppers":[\#(peppers)],"sealing":[\#(sealing)]}"#
  }

  static func entry(_ id: String, _ key: String, created: String = "5") -> String {
    #"{"id":\#(id),"created":\#(created),"key":"\#(key)"}"#
  }

  private func load(_ text: String, isFirstStart: Bool = false) async throws -> AuthoritySecrets {
    try await .load(from: MemoryKeeper(text), isFirstStart: isFirstStart, at: self.now)
  }

  @Test("They are made on the first start, and are the same on the next")
  func firstStart() async throws {
    let (first, keeper) = try await freshSecrets()
    let second = try await AuthoritySecrets.load(from: keeper, isFirstStart: false, at: self.now)
    let message = Array("message".utf8)
    #expect(first.current.code(for: message.span) == second.current.code(for: message.span))
    #expect(first.current.id == 1 && first.peppers.count == 1 && first.currentSealingKey == 1)
    #expect(try keeper.keys("peppers")[0].count == 32)
    #expect(try keeper.keys("sealing")[0] != keeper.keys("peppers")[0])
  }

  @Test("Missing beside a store that has records they are not made")
  func missing() async throws {
    let keeper = MemoryKeeper()
    let error = await #expect(throws: SecretError.self) {
      try await AuthoritySecrets.load(from: keeper, isFirstStart: false, at: self.now)
    }
    #expect(error?.kind == .refused && keeper.text.isEmpty)
  }

  @Test("Of two processes that start at once both have the secrets of one")
  func twoStarters() async throws {
    let keeper = MemoryKeeper()
    let other = Self.document(Self.entry("1", Self.a), Self.entry("1", Self.b))
    keeper.onceBeforeWriting { $0.put(other) }
    let secrets = try await AuthoritySecrets.load(from: keeper, isFirstStart: true, at: self.now)
    let expected = try await self.load(other)
    let message = Array("message".utf8)
    #expect(secrets.current.code(for: message.span) == expected.current.code(for: message.span))
    #expect(keeper.text == other)
  }

  @Test("Thirty-two that start at once have the same")
  func manyStarters() async throws {
    let keeper = MemoryKeeper()
    let message = Array("message".utf8)
    let codes = try await withThrowingTaskGroup(of: [UInt8].self) { group in
      for _ in 0 ..< 32 {
        group.addTask {
          try await AuthoritySecrets.load(
            from: keeper,
            isFirstStart: true,
            at: ManualClock.defaultStart
          ).current.code(for: message.span)
        }
      }
      return try await group.reduce(into: Set<[UInt8]>()) { $0.insert($1) }
    }
    #expect(codes.count == 1)
  }

  @Test("The document that the faulty ones are made of is good, with white space as well")
  func good() async throws {
    let two = Self.document(
      Self.entry("7", Self.a) + "," + Self.entry("2", Self.b),
      Self.entry("1", Self.c)
    )
    let secrets = try await self.load(two)
    #expect(secrets.peppers.map(\.id) == [7, 2])
    #expect(secrets.pepper(2)?.id == 2 && secrets.pepper(3) == nil)
    _ = try await self.load(two.replacing(",", with: " ,\n\t") + "\r\n")
  }

  @Test(
    "A document that was not written like that is refused",
    arguments: [
      "", "{}", "[]", "null", "1", "\u{FEFF}{}",
      document(entry("1", a), entry("1", b)) + "x",
      document(entry("1", a), entry("1", b), version: "2"),
      document(entry("1", a), entry("1", b), version: "1.5"),
      document(entry("1", a), entry("1", b), version: "\"1\""),
      document("", entry("1", b)), document(entry("1", a), ""),
      document(entry("0", a), entry("1", b)), document(entry("-1", a), entry("1", b)),
      document(entry("1.5", a), entry("1", b)), document(entry("1e0", a), entry("1", b)),
      document(entry("4294967296", a), entry("1", b)), document(entry("\"1\"", a), entry("1", b)),
      document(entry("1", a) + "," + entry("1", c), entry("1", b)),
      document(entry("1", a) + "," + entry("2", c), entry("1", b)),
      document(entry("2", a) + "," + entry("1", a), entry("1", b)),
      document(entry("1", a), entry("1", a)),
      document(entry("1", String(a.dropLast())), entry("1", b)),
      document(entry("1", ""), entry("1", b)),
      document(entry("1", a + "A"), entry("1", b)), document(entry("1", a + "="), entry("1", b)),
      document(entry("1", String(repeating: "A", count: 42) + "B"), entry("1", b)),
      document(entry("1", String(repeating: "A", count: 42) + "+"), entry("1", b)),
      document(entry("1", String(repeating: "A", count: 42) + #"\u0041"#), entry("1", b)),
      document(entry("1", a, created: "-5"), entry("1", b)),
      document(entry("1", a, created: "5.5"), entry("1", b)),
      document(entry("1", a).replacing("}", with: ",\"x\":1}"), entry("1", b)),
      document(entry("1", a).replacing("created", with: "made"), entry("1", b)),
      document(entry("1", a), entry("1", b)).replacing("]}", with: "],\"x\":1}"),
      document(entry("1", a), entry("1", b)).replacing("sealing", with: "Sealing"),
      document(entry("1", a), entry("1", b)).replacing("{\"v", with: "{\"version\":1,\"v"),
      document((0 ..< 17).map { entry("\(17 - $0)", a) }.joined(separator: ","), entry("1", b)),
      String(repeating: "[", count: 10_000),
      document(entry("1", a), entry("1", b)) + String(repeating: " ", count: 20_000),
    ]
  )
  func faults(_ text: String) async throws {
    let error = await #expect(throws: SecretError.self) {
      try await self.load(text, isFirstStart: true)
    }
    #expect(error?.kind == .unusable)
    #expect(!(error?.description.contains(Self.b) ?? true))
  }

  @Test("A new pepper is the current one, and the old ones stay")
  func rotate() async throws {
    let (first, keeper) = try await freshSecrets()
    let message = Array("message".utf8)
    let rotated = try await AuthoritySecrets.rotatePepper(in: keeper, inUse: [1], at: self.now)
    let loaded = try await AuthoritySecrets.load(from: keeper, isFirstStart: false, at: self.now)
    for secrets in [rotated, loaded] {
      #expect(secrets.peppers.map(\.id) == [2, 1] && secrets.current.id == 2)
      #expect(
        secrets.pepper(1)?.code(for: message.span) == first.current.code(for: message.span)
      )
      #expect(secrets.current.code(for: message.span) != first.current.code(for: message.span))
      #expect(secrets.currentSealingKey == 1)
    }
    let sealed = try await AuthoritySecrets.rotateSealingKey(in: keeper, inUse: [1], at: self.now)
    #expect(sealed.currentSealingKey == 2 && sealed.peppers.map(\.id) == [2, 1])
  }

  @Test("The oldest that is not in use makes room, and none that is in use is dropped")
  func retention() async throws {
    let (_, keeper) = try await freshSecrets()
    for _ in 0 ..< 15 {
      _ = try await AuthoritySecrets.rotatePepper(in: keeper, inUse: [1], at: self.now)
    }
    let full = try await AuthoritySecrets.load(from: keeper, isFirstStart: false, at: self.now)
    #expect(full.peppers.map(\.id) == (1 ... 16).reversed())
    let next = try await AuthoritySecrets.rotatePepper(in: keeper, inUse: [1, 2], at: self.now)
    #expect(next.peppers.map(\.id) == (4 ... 17).reversed() + [2, 1])

    let before = keeper.text
    let used = Set(next.peppers.map(\.id))
    await #expect(throws: SecretError.self) {
      try await AuthoritySecrets.rotatePepper(in: keeper, inUse: used, at: self.now)
    }
    #expect(keeper.text == before)
    _ = try await AuthoritySecrets.rotatePepper(
      in: keeper,
      inUse: used.subtracting([9]),
      at: self.now
    )
    #expect(!keeper.text.contains(#""id":9,"#))
  }

  @Test("Nothing is rotated while a pepper that records need is missing")
  func missingPepper() async throws {
    let (_, keeper) = try await freshSecrets()
    let before = keeper.text
    let error = await #expect(throws: SecretError.self) {
      try await AuthoritySecrets.rotatePepper(in: keeper, inUse: [1, 3], at: self.now)
    }
    #expect(error?.kind == .refused && keeper.text == before)
    await #expect(throws: SecretError.self) {
      try await AuthoritySecrets.rotatePepper(in: MemoryKeeper(), inUse: [], at: self.now)
    }
    let last = MemoryKeeper(
      Self.document(Self.entry("4294967295", Self.a), Self.entry("1", Self.b))
    )
    await #expect(throws: SecretError.self) {
      try await AuthoritySecrets.rotatePepper(in: last, inUse: [], at: self.now)
    }
  }

  @Test("Of two processes that rotate at once one wins and the other says so")
  func twoRotations() async throws {
    let (_, keeper) = try await freshSecrets()
    let other = Self.document(
      Self.entry("2", Self.a) + "," + Self.entry("1", Self.c),
      Self.entry("1", Self.b)
    )
    keeper.onceBeforeWriting { $0.put(other) }
    let error = await #expect(throws: SecretError.self) {
      try await AuthoritySecrets.rotatePepper(in: keeper, inUse: [1], at: self.now)
    }
    #expect(error?.kind == .unavailable && keeper.text == other)
    let after = try await AuthoritySecrets.rotatePepper(in: keeper, inUse: [1], at: self.now)
    #expect(after.peppers.map(\.id) == [3, 2, 1])
  }

  @Test("Nothing of the secrets can be printed or reflected (O16, L08)")
  func redaction() async throws {
    let (secrets, keeper) = try await freshSecrets()
    let printed =
      everythingPrinted(of: secrets) + everythingPrinted(of: secrets.current)
      + everythingPrinted(of: [secrets]) + everythingPrinted(of: (secrets, 1))
    let keys = try keeper.keys("peppers") + keeper.keys("sealing")
    #expect(keys.count == 2 && printed.contains("1 peppers"))
    for key in keys {
      for text in appearances(of: key) { #expect(!printed.contains(text)) }
    }
  }
}
