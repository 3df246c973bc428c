// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// A tenant with tokens, and the cut-off that holds for all of them. Shared by its owners.
final class APITokenTenant: Sendable {
  let tenant: Tenant
  /// Its place among the marks. Any will do.
  let place = UInt8.random(in: 0 ... .max)
  private let cutOff = Atomic<Int64>(.min)

  init(_ tenant: Tenant) { self.tenant = tenant }

  /// Tokens made before this are revoked.
  var issuedBefore: Int64 {
    get { self.cutOff.load(ordering: .acquiring) }
    set { self.cutOff.store(newValue, ordering: .releasing) }
  }
}

/// An owner with tokens, and what was done to it. Shared by its tokens, and changed in place: that is
/// how one change is seen by all of them at once.
final class APITokenOwner: Sendable {
  let tenant: APITokenTenant
  /// Tenant and owner, as principals name them.
  let subject: Subject
  /// Its place among the marks. Any will do.
  let place: UInt16
  /// Tokens of it in the table, counted under the lock of the directory.
  let tokens = Atomic<Int>(0)
  private let isMarked = Atomic<Bool>(false)
  private let state = Mutex<Mark?>(nil)

  /// What was done to an owner. Few have one.
  final class Mark: Sendable {
    let isDisabled: Bool
    let generation: Int64
    let issuedBefore: Int64

    init(isDisabled: Bool, generation: Int64, issuedBefore: Int64) {
      self.isDisabled = isDisabled
      self.generation = generation
      self.issuedBefore = issuedBefore
    }

    /// Whether it says the same as no mark: generations begin with zero.
    var saysNothing: Bool {
      !self.isDisabled && self.generation <= 0 && self.issuedBefore == .min
    }
  }

  init(tenant: APITokenTenant, subject: Subject, place: UInt16) {
    self.tenant = tenant
    self.subject = subject
    self.place = place
  }

  var places: APITokenMarks.Places { .init(owner: self.place, tenant: self.tenant.place) }

  var mark: Mark? {
    guard self.isMarked.load(ordering: .acquiring) else { return nil }
    return self.state.withLock { $0 }
  }

  func set(_ mark: Mark?) {
    self.state.withLock { $0 = mark }
    self.isMarked.store(mark != nil, ordering: .releasing)
  }

  /// The owner within its tenant.
  var owner: Owner {
    Owner(
      String(
        decoding: self.subject.text.utf8.dropFirst(self.tenant.tenant.text.utf8.count + 1),
        as: UTF8.self
      )
    )
  }
}
