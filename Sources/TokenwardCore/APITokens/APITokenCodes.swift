// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The digests of one token under all peppers.
struct APITokenCodes {
  /// The pepper that new digests are made under.
  let pepper: UInt32
  private let current: DigestWords
  private let others: [(pepper: UInt32, code: DigestWords)]

  init(of message: APITokenMessage, _ current: Pepper, _ peppers: [Pepper]) {
    self.pepper = current.id
    self.current = current.words(for: message)
    var others: [(pepper: UInt32, code: DigestWords)] = []
    if peppers.count > 1 {
      others.reserveCapacity(peppers.count - 1)
      for pepper in peppers where pepper.id != current.id {
        others.append((pepper.id, pepper.words(for: message)))
      }
    }
    self.others = others
  }

  /// The one under a pepper; for a pepper that there is not, one that proves nothing: what was
  /// digested under another pepper does not match it.
  func under(_ pepper: UInt32) -> DigestWords {
    if pepper == self.pepper { return self.current }
    for other in self.others where other.pepper == pepper { return other.code }
    return self.current
  }

  func rekey(from pepper: UInt32) -> APITokenMatch.Rekey {
    APITokenMatch.Rekey(
      old: .init(pepper: pepper, code: self.under(pepper).bytes),
      new: .init(pepper: self.pepper, code: self.current.bytes)
    )
  }
}
