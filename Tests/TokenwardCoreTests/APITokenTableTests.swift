// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore

/// The room of the table of API tokens.
@Suite("room of API tokens")
struct APITokenTableTests {
  @Test("a full table takes no more tokens, and still takes the revocation of those that it has")
  func full() {
    let snapshot = APITokenSnapshot(mostPerShard: 1)
    let taken = (1 ... 300).filter { snapshot.put(APITokenFixture.entry($0)) }
    #expect(taken.count < 300 && taken.count == snapshot.count)
    for number in taken {
      var revoked = APITokenFixture.entry(number)
      revoked.isRevoked = true
      #expect(snapshot.put(revoked))
      #expect(snapshot.state(of: APITokenFixture.id(number), at: APITokenFixture.now) == .revoked)
    }
    #expect(snapshot.count == taken.count)
  }
}
