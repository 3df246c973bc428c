// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// libFuzzer calls this once with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  selectedTarget.check(Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}

/// libFuzzer's main function (fuzzer/FuzzerInterface.h).
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// SwiftPM wants a main function of its own in an executable, so libFuzzer's is called from it.
@main
enum Entry {
  static func main() {
    // Before the first input, so that a wrong name is not reported as a finding.
    _ = selectedTarget
    var count = CommandLine.argc
    var arguments = CommandLine.unsafeArgv
    exit(runFuzzer(&count, &arguments) { start, count in testOneInput(start, count) })
  }
}

/// What is fuzzed in this process. One executable holds all targets, so that it is linked once; the
/// environment says which one runs.
let selectedTarget: FuzzTarget = {
  guard let name = getenv("TOKENWARD_FUZZ_TARGET"),
    let target = FuzzTarget(rawValue: String(cString: name))
  else {
    print("TOKENWARD_FUZZ_TARGET must be one of", FuzzTarget.allCases.map(\.rawValue))
    exit(64)
  }
  return target
}()

/// Ends the process if a property is violated: that is how libFuzzer learns of it and keeps the
/// input.
func expect(_ isTrue: Bool, _ property: @autoclosure () -> String) {
  guard !isTrue else { return }
  print("property violated (\(selectedTarget.rawValue)): \(property())")
  fflush(nil)
  abort()
}
