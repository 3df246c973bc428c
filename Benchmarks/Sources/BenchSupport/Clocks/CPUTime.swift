// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Glibc

/// CPU time of a process, of all its threads, in user and in kernel mode. Wall time on a shared
/// machine drifts by more than the differences that matter here.
///
/// Read from the process's own CPU clock (clock_getcpuclockid(3)), which is what the scheduler has
/// accounted for in nanoseconds. The utime and stime of /proc/PID/stat are the same sum in ticks of
/// ten milliseconds, too coarse for a burst of half a second.
package struct CPUTime: Sendable {
  private let clock: clockid_t

  /// The clock of this process.
  package static let own = CPUTime(clock: CLOCK_PROCESS_CPUTIME_ID)

  private init(clock: clockid_t) { self.clock = clock }

  /// The clock of another process.
  /// - Throws: ``BenchFailure`` if there is none of that id.
  package init(process: Int32) throws(BenchFailure) {
    var clock = clockid_t()
    guard clock_getcpuclockid(process, &clock) == 0 else {
      throw BenchFailure("there is no process \(process)")
    }
    self.init(clock: clock)
  }

  /// Nanoseconds so far.
  package func nanoseconds() throws(BenchFailure) -> Double {
    var time = timespec()
    guard clock_gettime(self.clock, &time) == 0 else {
      throw BenchFailure("a measured process has ended")
    }
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
  }
}
