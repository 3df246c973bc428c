// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Logging
internal import TokenwardCore
internal import TokenwardTelemetry

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// How log lines look.
public enum LogFormat: String, Sendable, Hashable, CaseIterable {
  /// For people.
  case text
  /// One JSON object on each line, for collectors.
  case json
}

/// Writes one line for each event, escaped, to standard error: whatever a message holds, it cannot
/// start a line of its own (CWE-117).
struct LineLogHandler: LogHandler {
  let label: String
  let format: LogFormat
  var logLevel: Logger.Level = .info
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?
  let time: any TimeSource
  let write: @Sendable ([UInt8]) -> Void

  init(
    label: String,
    format: LogFormat,
    time: any TimeSource = SystemTime(),
    write: @escaping @Sendable ([UInt8]) -> Void = LineLogHandler.writeToStandardError
  ) {
    self.label = label
    self.format = format
    self.time = time
    self.write = write
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { self.metadata[key] }
    set { self.metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var metadata = self.metadata
    if let provided = self.metadataProvider?.get() { metadata.merge(provided) { $1 } }
    if let own = event.metadata { metadata.merge(own) { $1 } }
    if let error = event.error { metadata["error"] = "\(error)" }
    let values = metadata.map { (key: $0.key, value: "\($0.value)") }.sorted { $0.key < $1.key }
    let time = self.time.now()?.unix.rfc3339 ?? "-"
    var line: [UInt8] = []
    switch self.format {
    case .json:
      line += "{\"time\":\"\(time)\",\"level\":\"\(event.level.rawValue)\",\"logger\":".utf8
      JSONText.append(quoted: self.label, to: &line)
      line += ",\"message\":".utf8
      JSONText.append(quoted: "\(event.message)", to: &line)
      for (key, value) in values {
        line.append(UInt8(ascii: ","))
        // A prefix, so that no key of a caller becomes a second `message`.
        JSONText.append(quoted: "meta.\(key)", to: &line)
        line.append(UInt8(ascii: ":"))
        JSONText.append(quoted: value, to: &line)
      }
      line += "}\n".utf8
    case .text:
      line += "\(time) \(event.level.rawValue) ".utf8
      var message: [UInt8] = []
      JSONText.append(quoted: "\(event.message)", to: &message)
      line += message.dropFirst().dropLast()
      for (key, value) in values {
        line.append(UInt8(ascii: " "))
        var name: [UInt8] = []
        JSONText.append(quoted: key, to: &name)
        line += name.dropFirst().dropLast()
        line.append(UInt8(ascii: "="))
        JSONText.append(quoted: value, to: &line)
      }
      line.append(UInt8(ascii: "\n"))
    }
    self.write(line)
  }

  private static func writeToStandardError(_ line: [UInt8]) {
    var rest = line[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { writeBytes(2, $0.baseAddress, $0.count) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}

// Outside of the type, whose property has the name of the system call.
private func writeBytes(_ descriptor: CInt, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
