// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Keeps what is in memory out of reach of others.
enum ProcessHygiene {
  /// A dump of memory holds keys and the tokens of calls under way (CWE-528).
  static func refuseCoreDumps() {
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    #if canImport(Darwin)
    _ = setrlimit(RLIMIT_CORE, &none)
    #else
    _ = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    #endif
  }

  /// Lets the process have as many descriptors as the system allows it. The usual soft limit of 1,024
  /// is for programs that put descriptors into `select`; a server reaches it with a thousand idle
  /// connections, and cannot open its database then.
  /// - Returns: how many it may have open.
  @discardableResult
  static func raiseDescriptorLimit() -> Int {
    #if canImport(Darwin)
    let kind = RLIMIT_NOFILE
    #else
    let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #endif
    var limit = rlimit()
    guard getrlimit(kind, &limit) == 0 else { return Self.descriptorsAssumed }
    var raised = limit
    raised.rlim_cur = limit.rlim_max
    if limit.rlim_cur < limit.rlim_max, setrlimit(kind, &raised) == 0 { limit = raised }
    return Int(clamping: limit.rlim_cur)
  }

  /// Where the limit cannot be asked for: what every system grants.
  private static let descriptorsAssumed = 256

  /// For a process that keeps secrets for long: no dump even by a handler that ignores the limit, no
  /// debugger of the same user (Linux: `PR_SET_DUMPABLE`), and files that only this user can read.
  static func guardSecrets() {
    self.refuseCoreDumps()
    umask(0o077)
    _ = Self.control(Self.setDumpable, 0)
  }

  /// Whether the system would write this process's memory into a dump, or let a debugger of the same
  /// user read it; nil where that cannot be asked.
  static var isDumpable: Bool? { Self.control(Self.getDumpable, 0).map { $0 != 0 } }

  // From `linux/prctl.h`; they are part of the kernel's interface and never change.
  private static let getDumpable: CInt = 3
  private static let setDumpable: CInt = 4

  /// `prctl`, which the C library's module does not export because it takes any number of arguments;
  /// the kernel takes five. Nil where there is none.
  private static func control(_ option: CInt, _ argument: CUnsignedLong) -> CInt? {
    #if os(Linux)
    typealias Function =
      @convention(c) (
        CInt, CUnsignedLong, CUnsignedLong, CUnsignedLong, CUnsignedLong
      ) -> CInt
    guard let symbol = dlsym(nil, "prctl") else { return nil }
    return unsafeBitCast(symbol, to: Function.self)(option, argument, 0, 0, 0)
    #else
    return nil
    #endif
  }
}
