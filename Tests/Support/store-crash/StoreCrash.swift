// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardAuthority
internal import TokenwardCore
internal import TokenwardSQLite

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Writes to a store until it is killed, and says what is in it afterwards. Tests/EndToEnd kills it at
/// random points and compares what was acknowledged with what is there.
@main
struct StoreCrash {
  static func main() async {
    let arguments = CommandLine.arguments
    guard arguments.count == 3 else { Self.end("usage: store-crash run|dump DATABASE", 64) }
    do {
      let store = try SQLiteTokenStore(path: arguments[2])
      switch arguments[1] {
      case "run": try await Worker.runAll(store)
      case "dump": try await Self.dump(store)
      default: Self.end("usage: store-crash run|dump DATABASE", 64)
      }
    } catch {
      Self.end("\(error)", 69)
    }
  }

  /// One line, in one write: lines of other tasks, and the kill, come before or after it.
  static func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
  }

  static func end(_ problem: String, _ status: Int32) -> Never {
    let bytes = Array(("error: " + problem + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    exit(status)
  }

  /// `token ID ROTATIONS DIGEST REVOKED` and `receipt REQUEST ID` for everything there is.
  private static func dump(_ store: SQLiteTokenStore) async throws {
    let version = try await store.forEach { stored in
      switch stored.record {
      case .token(let record):
        Self.say(
          "token \(record.id) \(record.rotations) \(record.secret.pepper) \(record.revocation != nil)"
        )
      case .receipt(let record):
        Self.say("receipt \(String(decoding: record.key, as: UTF8.self)) \(record.token)")
      default: break
      }
    }
    Self.say("version \(version)")
  }
}
