// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardCore

/// nst/JSONTestSuite: a clone of https://github.com/nst/JSONTestSuite at
/// `$TOKENWARD_CORPORA/json-test-suite`. Without the variable this test is skipped.
private let corpora = ProcessInfo.processInfo.environment["TOKENWARD_CORPORA"]

@Suite("JSONTestSuite")
struct EncodingJSONSuiteTests {
  /// RFC 8259 §4 only says that names SHOULD be unique, so the suite accepts these. A token must
  /// mean the same everywhere: we refuse them, and nothing else of its y_ files.
  private static let refusedByUs: Set<String> = [
    "y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json",
  ]

  @Test(
    "every y_ file is accepted, every n_ file refused, and no i_ file crashes",
    .enabled(
      if: corpora != nil,
      "set TOKENWARD_CORPORA to a folder with a clone of nst/JSONTestSuite as json-test-suite"
    )
  )
  func files() throws {
    let folder = URL(fileURLWithPath: try #require(corpora))
      .appendingPathComponent("json-test-suite/test_parsing")
    let files = try FileManager.default
      .contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "json" }
    var counts: [String: (accepted: Int, refused: Int)] = [:]
    for file in files.sorted(by: { $0.path < $1.path }) {
      let name = file.lastPathComponent
      let kind = String(name.prefix(2))
      let bytes = [UInt8](try Data(contentsOf: file))
      let problem = self.problem(of: bytes)
      counts[kind, default: (0, 0)].accepted += problem == nil ? 1 : 0
      counts[kind, default: (0, 0)].refused += problem == nil ? 0 : 1
      switch kind {
      case "y_" where Self.refusedByUs.contains(name):
        #expect(problem == .duplicateMember, "\(name)")
      case "y_":
        #expect(problem == nil, "\(name)")
      case "n_":
        #expect(problem != nil, "\(name)")
      default:
        break
      }
    }
    // A copy without i_ files shows as zero, rather than as a check that was made.
    for kind in ["y_", "n_", "i_"] {
      let count = counts[kind] ?? (0, 0)
      print("JSONTestSuite \(kind)*: \(count.accepted) accepted, \(count.refused) refused")
    }
    #expect((counts["y_"]?.accepted ?? 0) >= 90)
    #expect((counts["n_"]?.refused ?? 0) >= 180)
  }

  private func problem(of bytes: [UInt8]) -> JSONProblem? {
    do {
      // Beyond the limits of a token, so that files are refused for what they are about.
      _ = try JSONDocument(bytes, limits: .keySet)
      return nil
    } catch {
      return error
    }
  }
}
