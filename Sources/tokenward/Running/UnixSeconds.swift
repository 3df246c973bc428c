// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import TokenwardCore

/// A time on the command line: seconds since 1970, before the year 10000.
struct UnixSeconds: ExpressibleByArgument {
  let time: UnixTime

  init?(argument: String) {
    guard argument.utf8.allSatisfy((UInt8(ascii: "0") ... UInt8(ascii: "9")).contains),
      let seconds = Int64(argument), seconds <= 253_402_300_799
    else { return nil }
    self.time = UnixTime(seconds: seconds)
  }
}

/// A clock that stands still, for decisions about another time than now.
struct StoppedTime: TimeSource {
  let time: UnixTime

  func now() -> Moment? { Moment(unix: self.time, monotonic: .zero) }
}
