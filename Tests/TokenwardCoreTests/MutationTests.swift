// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardTestKit

/// Every small change of a good token is another token, and no other token is good.
@Suite("mutations of a good token")
struct MutationTests {
  static let algorithms: [Algorithm] = [.es256, .eddsa, .rs256, .hs256]

  private struct Subject {
    let fixture: GuardFixture
    let token: [UInt8]

    init(_ algorithm: Algorithm) throws {
      self.fixture = try GuardFixture(issuer: TestIssuer(algorithm: algorithm), cache: nil)
      self.token = Array(try self.fixture.token([("jti", "\"t1\""), ("scope", "\"a b\"")]).utf8)
      #expect(self.isAllowed(self.token), "the token itself must be good")
    }

    func isAllowed(_ token: [UInt8]) -> Bool {
      self.fixture.decide(String(decoding: token, as: UTF8.self)).grant != nil
    }

    /// Expects that the token is denied, unless nothing was changed.
    func expectDenied(_ mutant: [UInt8], _ what: @autoclosure () -> String) {
      if mutant != self.token && self.isAllowed(mutant) { Issue.record("allowed: \(what())") }
    }
  }

  @Test("every single bit turned, where the result can be carried", arguments: Self.algorithms)
  func bits(algorithm: Algorithm) throws {
    let subject = try Subject(algorithm)
    for index in subject.token.indices {
      for bit in 0 ..< 7 {
        var mutant = subject.token
        mutant[index] ^= 1 << bit
        subject.expectDenied(mutant, "bit \(bit) of byte \(index)")
      }
    }
  }

  @Test(
    "every byte replaced by each letter of the alphabet around a segment's end",
    arguments: Self.algorithms
  )
  func letters(algorithm: Algorithm) throws {
    let subject = try Subject(algorithm)
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/~".utf8
    let ends = subject.token.indices.filter { index in
      [index - 1, index, index + 1, index + 2].contains {
        $0 == subject.token.count
          || $0 >= 0 && $0 < subject.token.count && subject.token[$0] == 0x2E
      }
    }
    #expect(ends.count >= 9)
    for index in ends {
      for letter in alphabet {
        var mutant = subject.token
        mutant[index] = letter
        subject.expectDenied(mutant, "letter \(letter) at \(index)")
      }
    }
  }

  @Test(
    "every byte deleted, doubled, inserted before, exchanged with the next",
    arguments: Self.algorithms
  )
  func edits(algorithm: Algorithm) throws {
    let subject = try Subject(algorithm)
    for index in subject.token.indices {
      var deleted = subject.token
      deleted.remove(at: index)
      subject.expectDenied(deleted, "deleted \(index)")
      var doubled = subject.token
      doubled.insert(doubled[index], at: index)
      subject.expectDenied(doubled, "doubled \(index)")
      for byte in [0x41, 0x2E, 0x3D, 0x2D, 0x20, 0x0A, 0x00] as [UInt8] {
        var inserted = subject.token
        inserted.insert(byte, at: index)
        subject.expectDenied(inserted, "inserted \(byte) at \(index)")
      }
      if index + 1 < subject.token.count {
        var exchanged = subject.token
        exchanged.swapAt(index, index + 1)
        subject.expectDenied(exchanged, "exchanged \(index)")
      }
      subject.expectDenied(Array(subject.token.prefix(index)), "cut at \(index)")
      subject.expectDenied(Array(subject.token.dropFirst(index)), "begun at \(index)")
    }
  }

  @Test("random changes of several bytes", arguments: Self.algorithms)
  func random(algorithm: Algorithm) throws {
    let subject = try Subject(algorithm)
    var random = SeededGenerator(seed: 2026)
    for round in 0 ..< 3_000 {
      var mutant = subject.token
      for _ in 0 ..< Int.random(in: 1 ... 6, using: &random) {
        let index = Int.random(in: 0 ..< mutant.count, using: &random)
        switch Int.random(in: 0 ..< 4, using: &random) {
        case 0: mutant[index] = UInt8.random(in: 0 ... 127, using: &random)
        case 1: mutant.remove(at: index)
        case 2: mutant.insert(UInt8.random(in: 0 ... 127, using: &random), at: index)
        default:
          let other = Int.random(in: 0 ..< mutant.count, using: &random)
          mutant.replaceSubrange(min(index, other) ..< max(index, other), with: [])
        }
        if mutant.isEmpty { mutant = [0x2E] }
      }
      subject.expectDenied(mutant, "round \(round)")
    }
  }

  @Test("segments in every other order and number")
  func segments() throws {
    let subject = try Subject(.es256)
    let parts = String(decoding: subject.token, as: UTF8.self).split(separator: ".").map(
      String.init
    )
    for first in 0 ..< 3 {
      for second in 0 ..< 3 {
        for third in 0 ..< 3 {
          let mutant = "\(parts[first]).\(parts[second]).\(parts[third])"
          subject.expectDenied(Array(mutant.utf8), "\(first), \(second), \(third)")
        }
        subject.expectDenied(Array("\(parts[first]).\(parts[second])".utf8), "two")
      }
    }
  }

  @Test("headers in every order are decided alike")
  func headerOrder() throws {
    let fixture = try GuardFixture()
    let good = "Bearer \(try fixture.token([]))"
    let headers = [
      ("authorization", good), ("grpc-timeout", "10S"), ("user-agent", "x"), ("te", "trailers"),
    ]
    let bad = headers + [("authorization", good)]
    for (set, expected) in [(headers, nil), (bad, DenialReason.credentialConflicting)] {
      for permutation in Self.permutations(set.indices.map(\.self)) {
        var request = AccessRequest(path: "/\(GuardFixture.method)", door: .grpc)
        for index in permutation { request.add(header: set[index].0, value: set[index].1) }
        #expect(fixture.requestGuard.decide(request).denial?.reason == expected)
      }
    }
  }

  private static func permutations(_ items: [Int]) -> [[Int]] {
    guard !items.isEmpty else { return [[]] }
    return items.flatMap { item in
      self.permutations(items.filter { $0 != item }).map { [item] + $0 }
    }
  }

  @Test("claims and header members in every order are the same token")
  func memberOrder() throws {
    let fixture = try GuardFixture()
    let claims = [
      "\"iss\":\"https://issuer.test\"", "\"aud\":\"orders\"", "\"sub\":\"alice\"",
      "\"exp\":\(fixture.now.seconds + 60)", "\"x\":[1,{\"exp\":1}]",
    ]
    for permutation in Self.permutations(claims.indices.map(\.self)) {
      let payload = "{" + permutation.map { claims[$0] }.joined(separator: ",") + "}"
      let token = try fixture.issuer.sign(header: fixture.issuer.header(), payload: payload)
      #expect(fixture.refusal(token) == nil)
    }
  }
}
