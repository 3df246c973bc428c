// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import SwiftProtobuf
import Testing
import TokenwardCore
import TokenwardService

@testable import tokenward

@Suite("policy check")
struct PolicyCheckTests {
  private func descriptorSet(_ package: String, _ services: [String: [String]]) throws -> [UInt8] {
    var file = Google_Protobuf_FileDescriptorProto()
    file.package = package
    for (name, methods) in services {
      var service = Google_Protobuf_ServiceDescriptorProto()
      service.name = name
      service.method = methods.map { name in .with { $0.name = name } }
      file.service.append(service)
    }
    return try Google_Protobuf_FileDescriptorSet.with { $0.file = [file] }.serializedBytes()
  }

  private let policy = Result {
    try MethodPolicy {
      Allow("shop.v1.Orders/Get", .scopes(["orders.read"]))
      Allow("shop.v1.Orders/*", .roles(["admin\u{1B}"]))
      Allow("shop.v1.Helth/*", .anonymous)
    }
  }

  @Test("descriptors name the methods, with and without a package")
  func methods() throws {
    let bytes = try self.descriptorSet("shop.v1", ["Orders": ["Put", "Get"]])
    #expect(
      try DescriptorSet.methods(in: bytes).map(\.fullName)
        == ["shop.v1.Orders/Get", "shop.v1.Orders/Put"]
    )
    let bare = try self.descriptorSet("", ["Orders": ["Get"]])
    #expect(try DescriptorSet.methods(in: bare).map(\.fullName) == ["Orders/Get"])
  }

  @Test("a file that is no descriptor set, or declares nothing, is refused")
  func refused() throws {
    let strange = try self.descriptorSet("a", ["B": ["Get all"]])
    for bytes in [[], [0xFF], Array("policy: []".utf8), strange] {
      #expect(throws: CommandFailure.self) { try DescriptorSet.methods(in: bytes) }
    }
  }

  @Test("each method stands with the rule that counts, and every difference is listed")
  func report() throws {
    let bytes = try self.descriptorSet("shop.v1", ["Orders": ["Get", "Put"], "Health": ["Check"]])
    let methods = try DescriptorSet.methods(in: bytes)
    let report = PolicyReport(policy: try self.policy.get(), methods: methods)
    #expect(!report.isGood)
    #expect(report.uncovered == ["shop.v1.Health/Check"])
    #expect(report.unmatched == ["shop.v1.Helth/*"])
    #expect(
      report.text(.text) == """
        METHOD                RULE                REQUIRES
        shop.v1.Health/Check  -                   nobody may call it
        shop.v1.Orders/Get    shop.v1.Orders/Get  scopes [orders.read]
        shop.v1.Orders/Put    shop.v1.Orders/*    "any role of [admin\\u001b]"
        uncovered: shop.v1.Health/Check has no rule
        unmatched: the rule shop.v1.Helth/* names no method

        """
    )
    #expect(
      report.text(.json)
        == #"{"ok":false,"methods":["#
        + #"{"method":"shop.v1.Health/Check","rule":null,"requires":null},"#
        + #"{"method":"shop.v1.Orders/Get","rule":"shop.v1.Orders/Get","requires":"scopes [orders.read]"},"#
        + #"{"method":"shop.v1.Orders/Put","rule":"shop.v1.Orders/*","requires":"any role of [admin\u001b]"}],"#
        + #""uncovered":["shop.v1.Health/Check"],"unmatched":["shop.v1.Helth/*"],"ambiguous":[]}"#
        + "\n"
    )
  }

  @Test("a policy that fits is good, with and without descriptors")
  func good() throws {
    let policy = try MethodPolicy { Allow("shop.v1.Orders/*", .authenticated) }
    let bytes = try self.descriptorSet("shop.v1", ["Orders": ["Get"]])
    #expect(PolicyReport(policy: policy, methods: try DescriptorSet.methods(in: bytes)).isGood)
    let rules = PolicyReport(policy: policy, methods: nil)
    #expect(rules.isGood)
    #expect(rules.rows.map(\.name) == ["shop.v1.Orders/*"])
  }

  @Test("rules that compete are the report; anything else that is wrong is an error")
  func ambiguous() throws {
    func error(_ yaml: String) throws -> ConfigurationError {
      try #require(throws: ConfigurationError.self) {
        try Configuration(yaml: Array(yaml.utf8), folder: "./")
      }
    }
    let rule = "  - method: a.B/C\n    allow: authenticated\n"
    let report = try #require(PolicyReport(ambiguitiesOf: error("policy:\n\(rule)\(rule)")))
    #expect(!report.isGood)
    #expect(report.ambiguous.count == 1)
    #expect(report.text(.text).hasPrefix("ambiguous: "))
    #expect(report.text(.text).contains("a.B/C"))
    #expect(PolicyReport(ambiguitiesOf: try error("policy:\n\(rule)\(rule)polcy: 1\n")) == nil)
    #expect(PolicyReport(ambiguitiesOf: try error("policy: []\n")) == nil)
  }
}
