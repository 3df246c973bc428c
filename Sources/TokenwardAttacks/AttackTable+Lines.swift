// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

extension AttackTable {
  /// The calls and frames of the table, one JSON object for each line, for runners in other
  /// languages. The lines hold tokens of the bench's issuers, which nobody else trusts.
  ///
  /// A call: `{"id","variant","step","role","kind":"call","carriage","path","headers":[[name,value]],
  /// "grpc_status","reason"}`. The reason is absent from a call that must be allowed. A server's own
  /// transport may refuse a path or header with another status before its guard sees it; a runner
  /// takes any status but 0 for a refusal of a `rawHTTP2` call.
  ///
  /// Frames: `{"id","variant","step","role","kind":"frames","frames":[{"type":"headers","block":
  /// [[name,value]],"end_stream"} | {"type":"data","hex","end_stream"}],"accepted":["rst","goaway",
  /// "http:415","grpc:16"]}`; the twin has `"accepted":["grpc:0"]`.
  ///
  /// What cannot be sent (key sets, configurations, withdrawals) is in no line. Rows that are left
  /// out altogether come last, as `{"id","kind":"not_applicable","part","reason"}`.
  /// - Parameter bench: what the attacks are aimed at.
  public static func jsonLines(bench: AttackBench) throws -> [String] {
    var lines: [String] = []
    for attack in self.attacks {
      for variant in attack.variants {
        let start = RawObject()
          .setting("id", string: attack.id)
          .setting("variant", string: variant.name)
        switch variant.runner {
        case .calls(let build):
          // A withdrawal cannot be sent, and what follows it would come out differently.
          let steps = try build(bench)
          guard !steps.contains(where: { $0.request == nil }) else { continue }
          for (index, step) in steps.enumerated() {
            if let line = self.line(start.setting("step", "\(index)"), step) { lines.append(line) }
          }
        case .frames(let build):
          let attack = try build(bench)
          lines.append(
            self.line(start.setting("step", "0"), "twin", attack.twin, accepted: [.grpcStatus(0)])
          )
          lines.append(
            self.line(
              start.setting("step", "1"),
              "attack",
              attack.frames,
              accepted: attack.accepted
            )
          )
        case .keySet, .configuration:
          continue
        }
      }
    }
    for row in self.notApplicable {
      lines.append(
        RawObject()
          .setting("id", string: row.id)
          .setting("kind", "\"not_applicable\"")
          .setting("part", string: row.part)
          .setting("reason", string: row.reason).text
      )
    }
    return lines
  }

  private static func line(_ start: RawObject, _ step: AttackStep) -> String? {
    guard case .send(let request, let expectation) = step.action else { return nil }
    let line =
      start
      .setting("role", string: step.role.rawValue)
      .setting("kind", "\"call\"")
      .setting("carriage", string: request.carriage.rawValue)
      .setting("path", string: request.path)
      .setting("headers", self.list(request.headers))
      .setting("grpc_status", "\(expectation.grpcStatus)")
    guard case .deny(let reason) = expectation else { return line.text }
    return line.setting("reason", string: reason.rawValue).text
  }

  private static func line(
    _ start: RawObject,
    _ role: String,
    _ frames: [FrameAttack.Frame],
    accepted: Set<FrameAttack.Outcome>
  ) -> String {
    let frames = frames.map { frame in
      switch frame {
      case .headers(let block, let endStream):
        RawObject([("type", "\"headers\"")])
          .setting("block", self.list(block))
          .setting("end_stream", "\(endStream)").text
      case .data(let bytes, let endStream):
        RawObject([("type", "\"data\"")])
          .setting("hex", string: self.hex(bytes))
          .setting("end_stream", "\(endStream)").text
      }
    }
    let outcomes = accepted.map(\.label).sorted().map(RawObject.quoted)
    return
      start
      .setting("role", string: role)
      .setting("kind", "\"frames\"")
      .setting("frames", "[\(frames.joined(separator: ","))]")
      .setting("accepted", "[\(outcomes.joined(separator: ","))]").text
  }

  private static func list(_ headers: [AttackHeader]) -> String {
    let pairs = headers.map { "[\(RawObject.quoted($0.name)),\(RawObject.quoted($0.value))]" }
    return "[\(pairs.joined(separator: ","))]"
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0xF)]] },
      as: UTF8.self
    )
  }
}

extension AttackStep {
  /// The request of a step that sends one.
  public var request: AttackRequest? {
    if case .send(let request, _) = self.action { request } else { nil }
  }
}

extension FrameAttack.Outcome {
  /// The outcome as the lines name it.
  public var label: String {
    switch self {
    case .streamReset: "rst"
    case .connectionClosed: "goaway"
    case .httpStatus(let status): "http:\(status)"
    case .grpcStatus(let status): "grpc:\(status)"
    }
  }
}
