// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardService

@Suite("The YAML of a configuration")
struct YAMLSubsetTests {
  @Test(
    "is refused where it is more than texts, lists and sections",
    arguments: [
      ("audit: &a {file: x}", "line 1: an anchor or an alias"),
      ("audit: {file: *a}", "line 1: an anchor or an alias"),
      ("audit: {file:\n  *a}", "line 2: an anchor or an alias"),
      ("*a : b", "line 1: an anchor or an alias"),
      ("policy: [*a]", "line 1: an anchor or an alias"),
      ("policy:\n- &a x", "line 2: an anchor or an alias"),
      ("audit: {\"file\":*a}", "line 1: an anchor or an alias"),
      ("audit: !!binary aGk=", "line 1: a tag"),
      ("audit: |\n  text", "line 1: a block text"),
      ("audit: >-\n  text", "line 1: a block text"),
      ("%YAML 1.2", "line 1: a directive or a second document"),
      ("audit: {file: x}\n---\naudit: {file: y}", "line 2: a directive or a second document"),
      ("audit: {file: \"x\n y\"}", "line 1: a quoted text that does not end on its line"),
      ("audit: {file: 'x\n y'}", "line 1: a quoted text that does not end on its line"),
      (String(repeating: "[", count: 17), "line 1: brackets deeper than 16 levels"),
    ]
  )
  func subset(yaml: String, problem: String) throws {
    let folder = try ConfigurationFolder()
    #expect(folder.problems(yaml).first == "configuration: \(problem)")
  }

  @Test(
    "may use the same characters inside texts and comments",
    arguments: [
      "audit: {file: \"*a &b !c |d\"}", "audit: {file: 'it''s *a'}", "audit: {file: a*b&c!d}",
      "audit: {file: x} # &a *b", "# *a\naudit: {file: x}", "audit: {file: a &b}",
      "audit:\n  file: a | b > c", "audit: {file: \"a\\\" *b\"}", "audit: {file: x}\r\n",
    ]
  )
  func innocent(yaml: String) throws {
    let folder = try ConfigurationFolder()
    #expect(folder.problems(yaml) == [])
  }

  @Test(
    "is refused with a line end that only YAML knows: it ends a comment unseen",
    arguments: ["\r", "\u{85}", "\u{2028}", "\u{2029}"]
  )
  func foreignBreaks(lineEnd: String) throws {
    let folder = try ConfigurationFolder()
    let yaml = "audit: {file: x}\n# a\(lineEnd)policy: [{method: a.B/C, allow: anonymous}]"
    #expect(
      folder.problems(yaml) == ["configuration: line 2: a line end other than LF or CR LF"]
    )
    let twin = "audit: {file: x}\r\n# a policy: [{method: a.B/C, allow: anonymous}]\r\n"
    #expect(folder.problems(twin) == [])
  }

  @Test(
    "is refused when a key is given twice, wherever it is",
    arguments: [
      ("audit: {file: x}\naudit: {file: y}", "line 1: \"audit\" given twice in one section"),
      ("audit:\n  file: x\n  file: x", "line 2: \"file\" given twice in one section"),
      ("audit: {file: x, \"file\": y}", "line 1: \"file\" given twice in one section"),
    ]
  )
  func duplicates(yaml: String, problem: String) throws {
    let folder = try ConfigurationFolder()
    #expect(folder.problems(yaml) == ["configuration: \(problem)"])
  }

  @Test("is refused when it is none", arguments: ["audit: [", "a: b: c", "\tx: y", "a:\n b\n- c"])
  func broken(yaml: String) throws {
    let folder = try ConfigurationFolder()
    let problems = folder.problems(yaml)
    #expect(problems.count == 1)
    #expect(problems.first?.hasPrefix("configuration: line") == true)
  }

  @Test(
    "is refused when empty or no section",
    arguments: [
      ("", "configuration: the file is empty"), ("# only", "configuration: the file is empty"),
      ("- a", ": is a list, where a section belongs"),
      ("text", ": is one text, where a section belongs"),
    ]
  )
  func noSection(yaml: String, problem: String) throws {
    let folder = try ConfigurationFolder()
    #expect(folder.problems(yaml).first?.hasPrefix(problem) == true)
  }

  @Test("is refused as other than UTF-8, and beyond one mebibyte")
  func bytes() throws {
    func problem(_ bytes: [UInt8]) -> String? {
      do throws(ConfigurationError) {
        _ = try Configuration(yaml: bytes, folder: "/")
        return nil
      } catch {
        return error.problems.first?.problem
      }
    }
    let good = Array("audit: {file: x}\n#".utf8)
    let padding = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20 - good.count)
    #expect(problem(good + padding) == nil)
    #expect(problem(good + padding + [UInt8(ascii: "x")]) == "longer than 1048576 bytes")
    #expect(problem(good + [0xC3, 0x28]) == "the file is not UTF-8")
    #expect(problem(Array("audit: {file: \0}".utf8)) != nil)
  }

  @Test(
    "costs little however deep it is nested",
    arguments: [
      String(repeating: "- ", count: 100_000), String(repeating: "? ", count: 100_000),
      (0 ..< 900).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n"),
      String(repeating: "[", count: 1_000_000), String(repeating: "{a: ", count: 200_000),
    ]
  )
  func deep(yaml: String) throws {
    let folder = try ConfigurationFolder()
    #expect(!folder.problems(yaml).isEmpty)
  }

  @Test("never shows a value that may be a secret")
  func secretsStayHidden() throws {
    let folder = try ConfigurationFolder()
    let secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ"
    for yaml in [
      "password: \(secret)", "audit: \(secret)", "audit: {file: x, key: \(secret)}",
      "issuers: [{issuer: a, jwks: {inline: {keys: [{kty: oct, k: \(secret)}]}}}]",
      "audit: {file: \"\(secret)", "audit: \(secret): x",
      "audit: {file: \"-----BEGIN PRIVATE KEY-----\(secret)\"}",
    ] {
      do throws(ConfigurationError) {
        _ = try folder.configuration(yaml)
        Issue.record("accepted: \(yaml)")
      } catch {
        #expect(!"\(error)".contains(secret))
      }
    }
  }
}
