// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Reads a secret from a terminal without showing it.
enum HiddenInput {
  /// What one key press means.
  enum Key: Equatable {
    case end
    case cancel
    case erase
    case text(UInt8)

    /// Signals are off while a secret is typed, so that the terminal is always mended afterwards;
    /// Ctrl-C arrives as a byte.
    init(_ byte: UInt8) {
      switch byte {
      case 0x0A, 0x0D: self = .end
      case 0x03, 0x04, 0x1A, 0x1C: self = .cancel
      case 0x08, 0x7F: self = .erase
      default: self = .text(byte)
      }
    }
  }

  /// - Parameters:
  ///   - prompt: what to ask for, on standard error.
  ///   - limit: most bytes; more are refused.
  /// - Throws: ``CommandFailure`` if it was given up, or the terminal cannot be made silent.
  static func read(_ prompt: String, limit: Int) throws -> [UInt8] {
    var settings = termios()
    guard tcgetattr(STDIN_FILENO, &settings) == 0 else {
      throw CommandFailure("the terminal cannot be made silent", hint: "use --token-file")
    }
    // Whoever ends this process meanwhile, with the terminal's window or with kill, is to leave a
    // terminal behind that shows what is typed.
    let watch = TerminalWatch(settings)
    defer { watch.end() }
    var silent = settings
    silent.c_lflag &= ~tcflag_t(ECHO | ECHONL | ICANON | ISIG)
    guard tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0 else {
      throw CommandFailure("the terminal cannot be made silent", hint: "use --token-file")
    }
    defer {
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
      Console.complain("")
    }
    try Console.standardError.write(prompt)
    return try Self.line(limit: limit) {
      var byte: UInt8 = 0
      var count = 0
      repeat { count = systemRead(STDIN_FILENO, &byte) } while count < 0 && errno == EINTR
      return count == 1 ? byte : nil
    }
  }

  /// Puts one line together from key presses; nil is the end of the input.
  static func line(limit: Int, _ next: () -> UInt8?) throws(CommandFailure) -> [UInt8] {
    var line: [UInt8] = []
    while let byte = next() {
      switch Key(byte) {
      case .end: return line
      case .cancel: throw CommandFailure("given up; nothing was done")
      case .erase: _ = line.popLast()
      case .text(let byte):
        guard line.count < limit else {
          throw CommandFailure("that is longer than any token", hint: "use --token-file")
        }
        line.append(byte)
      }
    }
    return line
  }
}

/// Mends the terminal before a signal ends the process.
private struct TerminalWatch {
  private static let signals = [SIGTERM, SIGHUP, SIGINT, SIGQUIT]
  private let before: [(CInt, sigaction)]

  init(_ settings: termios) {
    settingsBefore.pointee = settings
    var action = sigaction()
    #if canImport(Darwin)
    action.__sigaction_u.__sa_handler = mendTerminal
    #else
    action.__sigaction_handler.sa_handler = mendTerminal
    #endif
    self.before = Self.signals.map { number in
      var old = sigaction()
      sigaction(number, &action, &old)
      return (number, old)
    }
  }

  func end() {
    for (number, action) in self.before {
      var action = action
      sigaction(number, &action, nil)
    }
  }
}

/// Behind a pointer, so that a signal handler may read it whatever the program is doing.
private nonisolated(unsafe) let settingsBefore = UnsafeMutablePointer<termios>.allocate(capacity: 1)

/// Calls only what a signal handler may call (POSIX: `tcsetattr`, `signal`, `raise`).
private func mendTerminal(_ number: CInt) {
  tcsetattr(STDIN_FILENO, TCSANOW, settingsBefore)
  signal(number, SIG_DFL)
  // Comes when this has returned.
  raise(number)
}

// Outside of the type, which has a method of the same name.
private func systemRead(_ descriptor: Int32, _ byte: UnsafeMutablePointer<UInt8>) -> Int {
  read(descriptor, byte, 1)
}
