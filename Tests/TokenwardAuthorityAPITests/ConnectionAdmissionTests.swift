// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Hummingbird
import HummingbirdTesting
import Testing
import TokenwardAuthorityAPI

@Suite("Connections of a listener")
struct ConnectionAdmissionTests {
  @Test("are kept up to the limit, and again when one has ended")
  func total() {
    let admission = ConnectionAdmission(most: 2, mostPerAddress: 2)
    #expect(admission.enter("10.0.0.1") == nil)
    #expect(admission.enter("10.0.0.2") == nil)
    #expect(admission.enter("10.0.0.3") == .total)
    #expect(admission.enter(nil) == .total)
    admission.leave("10.0.0.1")
    #expect(admission.enter("10.0.0.3") == nil)
    #expect(admission.count == 2)
  }

  @Test("of one address are kept up to its own limit, and others still come in")
  func perAddress() {
    let admission = ConnectionAdmission(most: 10, mostPerAddress: 2)
    #expect(admission.enter("10.0.0.1") == nil)
    #expect(admission.enter("10.0.0.1") == nil)
    #expect(admission.enter("10.0.0.1") == .address)
    #expect(admission.enter("10.0.0.2") == nil)
    admission.leave("10.0.0.1")
    #expect(admission.enter("10.0.0.1") == nil)
    #expect(admission.count == 3)
  }

  @Test(
    "count by address, and in IPv6 by network",
    arguments: [
      ("127.0.0.1", "127.0.0.1"), ("::1", "0:0:0:0::/64"), ("::", "0:0:0:0::/64"),
      ("::ffff:10.1.2.3", "10.1.2.3"), ("2001:db8::1", "2001:db8:0:0::/64"),
      ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8:1:2::", "2001:db8:1:2::/64"),
      ("2001:db8::2:3:4:5:6", "2001:db8:0:2::/64"), ("fe80::1:2", "fe80:0:0:0::/64"),
      (":", "0:0:0:0::/64"), ("", ""),
    ]
  )
  func place(address: String, place: String) {
    #expect(ConnectionAdmission.place(of: address) == place)
  }

  @Test("over the limit are closed at once, and served when there is room")
  func served() async throws {
    var fixture = HTTPFixture()
    let admission = ConnectionAdmission(most: 1)
    fixture.admission = admission
    try await fixture.with(.live) { client in
      let answer1 = try await client.post("/oauth2/revoke", "token=a")
      #expect(answer1.status == .ok)
      #expect(admission.count == 1)
    }
    #expect(admission.enter(nil) == nil)
    await #expect(throws: (any Error).self) {
      try await fixture.with(.live) { client in
        _ = try await client.post("/oauth2/revoke", "token=a")
      }
    }
    #expect(admission.count == 1)
  }
}
