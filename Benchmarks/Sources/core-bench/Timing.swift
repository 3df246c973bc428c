// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import BenchSupport
internal import CAllocationCounter

/// CPU nanoseconds of one call of the body.
func cpuNanoseconds(per iterations: Int, _ body: () throws -> Void) throws -> Double {
  let start = try CPUTime.own.nanoseconds()
  for _ in 0 ..< iterations { try body() }
  return (try CPUTime.own.nanoseconds() - start) / Double(iterations)
}

/// CPU nanoseconds of one call of the body.
func cpuNanoseconds(per iterations: Int, _ body: () async throws -> Void) async throws -> Double {
  let start = try CPUTime.own.nanoseconds()
  for _ in 0 ..< iterations { try await body() }
  return (try CPUTime.own.nanoseconds() - start) / Double(iterations)
}

/// Heap allocations of one call of the body. Synchronous, because the counter is the thread's.
func allocations(per iterations: Int, _ body: () throws -> Void) rethrows -> Double {
  let start = tokenward_allocation_count()
  for _ in 0 ..< iterations { try body() }
  return Double(tokenward_allocation_count() - start) / Double(iterations)
}

/// Proof that the counter counts. A counter that stands still, because another allocator was linked
/// or the C library cannot be wrapped, would call everything free.
enum AllocationCounter {
  private final class Box {
    let value: Int
    init(_ value: Int) { self.value = value }
  }

  static func check() throws(BenchFailure) {
    // Room beforehand, so that the growth of the array is not counted.
    var boxes: [Box] = []
    boxes.reserveCapacity(1_000)
    var arrays: [[Int]] = []
    arrays.reserveCapacity(1_000)

    // The runtime's allocations, which are made in a shared library.
    try self.expect(1, "an object") { boxes.append(Self.box(boxes.count)) }
    try self.expect(1, "an array") { arrays.append(Self.array(arrays.count)) }
    try self.expect(0, "reading") { boxes.reverse() }
    guard boxes.reduce(0, { $0 + $1.value }) == 499_500, arrays.joined().count == 1_000 else {
      throw BenchFailure("the check of the allocation counter did not do its work")
    }
  }

  private static func expect(
    _ expected: Double,
    _ what: String,
    _ body: () -> Void
  ) throws(BenchFailure) {
    let counted = allocations(per: 1_000, body)
    guard counted == expected else {
      throw BenchFailure("the allocation counter says \(counted) for \(what), not \(expected)")
    }
  }

  // Not inlined: the optimiser would see that nobody else holds the memory, and take the stack.
  @inline(never) private static func box(_ value: Int) -> Box { Box(value) }
  @inline(never) private static func array(_ value: Int) -> [Int] { [value] }
}
