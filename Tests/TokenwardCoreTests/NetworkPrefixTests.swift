// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore

/// Networks as text, and who is in them.
@Suite("networks")
struct NetworkPrefixTests {
  @Test(
    "each form of an address and a length has one canonical text",
    arguments: [
      ("10.0.0.0/8", "10.0.0.0/8"), ("0.0.0.0/0", "0.0.0.0/0"), ("192.0.2.1", "192.0.2.1/32"),
      ("192.0.2.1/32", "192.0.2.1/32"), ("255.255.255.255", "255.255.255.255/32"),
      ("128.0.0.0/1", "128.0.0.0/1"), ("192.0.2.254/31", "192.0.2.254/31"),
      ("::/0", "::/0"), ("::", "::/128"), ("::1", "::1/128"), ("1::", "1::/128"),
      ("2001:db8::/32", "2001:db8::/32"), ("2001:DB8::/32", "2001:db8::/32"),
      ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1/128"),
      ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8/128"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0/128"),
      ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8/128"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3/128"),
      ("1:0:0:2:3:0:0:4", "1::2:3:0:0:4/128"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221/128"),
      ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304/128"), ("fe80::/10", "fe80::/10"),
      ("::ffff:10.0.0.0/104", "10.0.0.0/8"), ("::ffff:192.0.2.1", "192.0.2.1/32"),
      ("::FFFF:c000:201/128", "192.0.2.1/32"), ("::ffff:0:0/96", "0.0.0.0/0"),
      ("8000::/1", "8000::/1"), ("2001:db8:0:0:8000::/65", "2001:db8:0:0:8000::/65"),
    ]
  )
  func forms(text: String, canonical: String) throws {
    let network = try #require(NetworkPrefix(text))
    #expect(network.description == canonical)
    #expect(NetworkPrefix(canonical) == network)
    #expect(NetworkPrefix(address: network.address, length: network.length) == network)
    #expect(network.contains(network.address))
  }

  @Test(
    "every other text is none",
    arguments: [
      "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08",
      "10.0.0.0/ 8", "10.0.0.0/8 ", " 10.0.0.0/8", "10.0.0.0/8\n", "10.0.0.0/8/8", "10.0.0.1/8",
      "10.0.0/8", "10", "10.0.0.0.0", "010.0.0.1", "10.0.0.01", "0x0a.0.0.1", "256.0.0.1",
      "1.2.3.-4", "1..2.3", ".1.2.3", "1.2.3.", "1.2.3.4.", "10.0.0.\u{661}", "1e1.0.0.0",
      "999999999999999999999.0.0.1", "10.0.0.0/99999999999999999999", "10.0.0.0/255.0.0.0",
      ":", ":::", "1:", ":1", "1:2", "1::2::3", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::",
      "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "12345::", "g::", "::1%eth0", "fe80::1%1/64",
      "[::1]", "::1/129", "2001:db8::1/32", "::/00", "1.2.3.4::", "::1.2.3", "::1.2.3.4.5",
      "::01.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "::ffff:10.0.0.1/104", "localhost", "*", "0/0",
      "::\u{661}", "\u{FF11}.0.0.0", "10.0.0.0\u{2215}8", "1:2:3:4:5:6:7: 8", "::1/128/1",
      "0000:0000:0000:0000:0000:0000:0000:0000:0000/128",
    ]
  )
  func malformed(text: String) {
    #expect(NetworkPrefix(text) == nil)
  }

  @Test(
    "an address is in a network if its leading bits are the same",
    arguments: [
      ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false),
      ("10.0.0.0/8", "9.255.255.255", false), ("192.0.2.0/25", "192.0.2.127", true),
      ("192.0.2.0/25", "192.0.2.128", false), ("192.0.2.1", "192.0.2.1", true),
      ("192.0.2.1", "192.0.2.0", false), ("0.0.0.0/0", "255.1.2.3", true),
      ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false),
      ("2001:db8:0:0:8000::/65", "2001:db8::8000:0:0:1", true),
      ("2001:db8:0:0:8000::/65", "2001:db8::1", false), ("::1", "::1", true), ("::1", "::", false),
      ("::/0", "2001:db8::1", true),
      // IPv4 callers of a listener for both families.
      ("10.0.0.0/8", "::ffff:10.1.2.3", true), ("10.0.0.0/8", "::ffff:11.1.2.3", false),
      ("::ffff:10.0.0.0/104", "10.1.2.3", true), ("::ffff:10.0.0.0/104", "::ffff:10.1.2.3", true),
      // One family is never in a network of the other.
      ("::/0", "10.1.2.3", false), ("::/0", "::ffff:10.1.2.3", false),
      ("0.0.0.0/0", "::1", false), ("0.0.0.0/0", "::a00:1", false),
      ("::/96", "10.1.2.3", false),
    ]
  )
  func contains(network: String, address: String, expected: Bool) throws {
    let network = try #require(NetworkPrefix(network))
    let address = try #require(PeerAddress(address))
    #expect(network.contains(address) == expected)
  }

  @Test("bytes of another number than 4 and 16 are no address")
  func bytes() throws {
    for count in 0 ..< 20 where count != 4 && count != 16 {
      #expect(NetworkPrefix(address: [UInt8](repeating: 0, count: count), length: 0) == nil)
    }
    #expect(NetworkPrefix(address: [10, 0, 0, 0], length: 33) == nil)
    #expect(NetworkPrefix(address: [10, 0, 0, 0], length: -1) == nil)
    #expect(NetworkPrefix(address: [10, 0, 0, 1], length: 31) == nil)
    let network = try #require(NetworkPrefix(address: [10, 0, 0, 0], length: 8))
    #expect(network.address == [10, 0, 0, 0] && network.length == 8 && network.isIPv4)
    #expect(!network.contains([10, 0, 0]))
  }

  static let addresses: [(String, String?)] = [
    ("ipv4:127.0.0.1:1234", "127.0.0.1"), ("ipv4:127.0.0.1:0", "127.0.0.1"),
    ("ipv4:127.0.0.1:65535", "127.0.0.1"), ("ipv6:[::1]:1234", "::1"),
    ("ipv6:[2001:db8::1]:443", "2001:db8::1"), ("ipv6:[::ffff:10.0.0.1]:1", "10.0.0.1"),
    ("ipv6:[fe80::1]:1", "fe80::1"),
    (
      "ipv6:[1111:2222:3333:4444:5555:6666:255.255.255.255]:65535",
      "1111:2222:3333:4444:5555:6666:ffff:ffff"
    ),
  ]

  static let nowhere: [String] = [

    "", "ipv4:", "ipv4", "ipv4:127.0.0.1", "ipv4:127.0.0.1:", "ipv4:127.0.0.1:65536",
    "ipv4:127.0.0.1:+1", "ipv4:127.0.0.1:01", "ipv4:127.0.0.1: 1", "ipv4:localhost:1",
    "ipv4:[127.0.0.1]:1", "ipv4:[::1]:1", "ipv4:::1:1", "ipv6:127.0.0.1:1",
    "ipv6:[127.0.0.1]:1", "ipv6:::1:1", "ipv6:[::1]", "ipv6:[::1]1", "ipv6:[::1:1",
    "ipv6:::1]:1", "ipv6:[]:1", "ipv6:[::1%eth0]:1", "ipv6:%5B::1%5D:1", "IPV4:127.0.0.1:1",
    "ipv5:127.0.0.1:1", "127.0.0.1:1", "[::1]:1", "unix:/run/a.sock", "unix:<unknown>",
    "<unknown>", "in-process:1", "ipv4:127.0.0.1:1,10.0.0.1:1", " ipv4:127.0.0.1:1",
    "ipv4:127.0.0.1:1 ", "ipv4:127.0.0.1\u{0}:1", "unix:ipv4:127.0.0.1:1", "dns:127.0.0.1:1",
  ]

  @Test(
    "what a transport says of its peer is read, or is no address",
    arguments: Self.addresses + Self.nowhere.map { ($0, nil) }
  )
  func peers(text: String, expected: String?) {
    #expect(PeerAddress(peer: text)?.description == expected)
  }
}
