// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import ArgumentParser
import Testing
import TokenwardCore
import TokenwardGRPC

@testable import tokenward

@Suite("Arguments of commands that talk to an authority")
struct AuthorityArgumentTests {
  @Test(
    "an address is a name or an address, and a port",
    arguments: [
      ("tokens.example.com:8443", "tokens.example.com:8443"), ("LOCALHOST:1", "localhost:1"),
      ("127.0.0.1:65535", "127.0.0.1:65535"), ("[::1]:8443", "[::1]:8443"),
      ("tokens.example.com", nil), ("tokens.example.com:", nil), ("a:0", nil), ("a:65536", nil),
      ("::1:8443", nil), ("[::1]", nil), ("[a]:1", nil), ("https://a:1", nil), ("a:1/b", nil),
      (":8443", nil), ("a b:1", nil), ("a:+1", nil), ("a:١", nil),
    ] as [(String, String?)]
  )
  func addresses(text: String, expected: String?) {
    #expect(AuthorityAddress(argument: text)?.host.description == expected)
  }

  @Test(
    "a time is now, seconds, or a date in UTC",
    arguments: [
      ("0", 0), ("1795575138", 1_795_575_138), ("1970-01-01T00:00:00Z", 0),
      ("2026-11-25T02:52:18Z", 1_795_575_138), ("2000-02-29T00:00:00Z", 951_782_400),
      ("2100-03-01T00:00:00Z", 4_107_542_400), ("1999-12-31T23:59:59Z", 946_684_799),
      ("2100-02-29T00:00:00Z", nil), ("2026-13-01T00:00:00Z", nil), ("2026-00-01T00:00:00Z", nil),
      ("2026-11-31T00:00:00Z", nil), ("2026-11-25T24:00:00Z", nil), ("1969-12-31T23:59:59Z", nil),
      ("2026-11-25T02:52:18", nil), ("2026-11-25T02:52:18+01:00", nil), ("2026-11-25", nil),
      ("-1", nil), ("", nil), ("tomorrow", nil),
    ] as [(String, Int64?)]
  )
  func times(text: String, seconds: Int64?) throws {
    #expect(PointInTime(argument: text)?.time?.seconds == seconds)
    if seconds == nil { #expect(PointInTime(argument: text) == nil) }
  }

  @Test("now is a time, too")
  func now() throws {
    let now = try #require(PointInTime(argument: "now"))
    #expect(now.time == nil)
    #expect(try now.resolved().seconds > 1_600_000_000)
  }

  @Test(
    "a grace may be nothing",
    arguments: [
      ("0", 0), ("0s", 0), ("none", 0), ("1h", 3_600), ("2d", 172_800), ("", nil), ("-1s", nil),
    ]
      as [(String, Int64?)]
  )
  func graces(text: String, seconds: Int64?) { #expect(Grace(argument: text)?.seconds == seconds) }

  @Test("a label has a name, and a value that may be empty or have an equals sign")
  func labels() {
    #expect(LabelArgument(argument: "a=b=c")?.value == "b=c")
    #expect(LabelArgument(argument: "a=")?.value == "")
    #expect(LabelArgument(argument: "=b") == nil)
    #expect(LabelArgument(argument: "a") == nil)
  }

  @Test(
    "is refused before anybody is asked",
    arguments: [
      ["token", "create", "--name", "a", "--owner", "b"],
      [
        "token", "create", "--name", "a", "--owner", "b", "--audience", "c", "--label", "x=1",
        "--label", "x=2",
      ],
      ["token", "show", "short"], ["token", "show", "0123456789abcde_"],
      ["token", "rotate", "0123456789abcdef"], ["token", "revoke"],
      ["token", "revoke", "0123456789abcdef", "--owner", "a"],
      ["token", "revoke", "--tenant", "a"], ["token", "revoke", "--self", "--owner", "a"],
      ["token", "revoke", "0123456789abcdef", "--token-file", "a"],
      ["token", "list", "--limit", "0"], ["audit", "tail", "a", "--lines", "0"],
      ["audit", "verify"],
      ["login", "--server", "nowhere"], ["login", "--server", "a:1", "--profile", "../x"],
      ["token", "list", "--profile", "a/b"], ["run"], ["key", "rotate", "--algorithm", "RS256"],
    ]
  )
  func refused(arguments: [String]) throws {
    let result = try BuiltCommand.run(arguments)
    #expect(result.status == 64, "\(result.complaint)")
    #expect(result.output.isEmpty)
  }

  @Test(
    "and what is near it is understood",
    arguments: [
      ["token", "show", "0123456789abcdef"],
      ["token", "rotate", "0123456789abcdef", "--grace", "0"],
      ["token", "revoke", "0123456789abcdef", "0123456789abcdeF"],
      ["token", "revoke", "--owner", "a", "--tenant", "b", "--issued-before", "now", "-y"],
      ["token", "revoke", "--self", "--token-file", "a"],
      [
        "token", "create", "--name", "a", "--owner", "b", "--audience", "c", "--label", "x=1",
        "--label", "y=2",
      ],
      ["audit", "verify", "a", "b", "--expect", "7:\(String(repeating: "A", count: 43))"],
      ["key", "rotate", "--algorithm", "EdDSA", "--force", "--output", "json"],
    ]
  )
  func understood(arguments: [String]) throws {
    #expect(throws: Never.self) { try Tokenward.parseAsRoot(arguments) }
  }
}
