// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// A value that a test shares with tasks that outlive it.
final class Shared<Value: Sendable>: Sendable {
  private let storage: Mutex<Value>

  init(_ value: Value) { self.storage = Mutex(value) }

  var value: Value { self.storage.withLock { $0 } }

  func update(_ body: (inout Value) -> Void) {
    self.storage.withLock { value in
      var copy = value
      body(&copy)
      value = copy
    }
  }
}
