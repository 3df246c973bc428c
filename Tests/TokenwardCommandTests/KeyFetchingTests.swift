// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardCore

@testable import tokenward

@Suite("Keys that a command has to fetch")
struct KeyFetchingTests {
  @Test("a token of an issuer that does not answer cannot be decided about")
  func unreachable() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "tokenward-\(UUID())")
      .path()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    // Port 1 of loopback: nobody listens there.
    let yaml = """
      issuers:
        - issuer: https://issuer.test
          audiences: [orders]
          algorithms: [ES256]
          jwks: {uri: "https://127.0.0.1:1/jwks"}
      """
    try yaml.write(toFile: "\(folder)/config.yaml", atomically: true, encoding: .utf8)
    func verify(issuer: String) async throws -> Int32 {
      let header = Data("{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"a\"}".utf8)
      let claims = Data("{\"iss\":\"\(issuer)\"}".utf8)
      let encoded = [header, claims, Data(repeating: 7, count: 64)].map { data in
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
          .replacing("=", with: "")
      }
      let path = "\(folder)/token"
      try encoded.joined(separator: ".").write(toFile: path, atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
      return await Tokenward.run([
        "token", "verify", "--config", "\(folder)/config.yaml", "--token-file", path,
      ]).rawValue
    }
    #expect(try await verify(issuer: "https://issuer.test") == 2)
    // And one of nobody's is simply refused.
    #expect(try await verify(issuer: "https://other.test") == 1)
  }
}
