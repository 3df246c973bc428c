// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardHTTP

@Suite("The address of something that is fetched")
struct RemoteURLTests {
  static let good: [(String, String, Int, String)] = [
    ("https://issuer.example", "issuer.example", 443, "/"),
    ("https://Issuer.Example:8443/a/b?c=d&e=%20", "issuer.example", 8_443, "/a/b?c=d&e=%20"),
    ("https://127.0.0.1/", "127.0.0.1", 443, "/"), ("https://[::1]:65535/x", "::1", 65_535, "/x"),
    ("https://a-b.c1/~x_.-!$&'()*+,;=:@/", "a-b.c1", 443, "/~x_.-!$&'()*+,;=:@/"),
    ("https://localhost:1/", "localhost", 1, "/"),
    ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/"),
  ]

  @Test("a plain address is read", arguments: Self.good)
  func accepted(text: String, host: String, port: Int, target: String) throws {
    let url = try RemoteURL(text)
    #expect(url.isTLS && url.host == host && url.port == port && url.target == target)
  }

  @Test(
    "whatever two parsers could read differently is refused (CWE-918)",
    arguments: [
      "", "issuer.example", "ftp://a.example", "file:///etc/passwd", "HTTPS://a.example",
      "https:/a.example", "https:///a", "https://", "https://:443/", "https://a.example:/",
      "https://a.example:0/", "https://a.example:65536/", "https://a.example:+1/",
      "https://a.example:443443/", "https://user@a.example/", "https://a.example@evil.example/",
      "https://a.example#b", "https://a.example/#b", "https://a.example\\@evil.example/",
      "https://a.example/a b", "https://a.example/\u{7F}", "https://a.example/\r\nx: y",
      "https://\u{212A}.example/", "https://b\u{FC}cher.example/", "https://a%2eexample/",
      "https://a..example/", "https://.a.example/", "https://-a.example/", "https://a-.example/",
      "https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/",
      "https://256.0.0.1/", "https://1.2.3.4.5/", "https://127.0.0.0x1/", "https://127.0.0.01/",
      "https://010.0.0.1/", "https://[::1/",
      "https://[::1]x/", "https://[fe80::1%25eth0]/", "https://[::ffff:127.0.0.1]/",
      "https://a_b.example/", "https://a.example?b=c", "https://a.example/<script>",
      "https://a.example/\"", "https://a.example./",
    ]
  )
  func refused(text: String) {
    #expect(throws: RemoteURL.Problem.malformed) { try RemoteURL(text) }
  }

  @Test("an address of 2,048 bytes is read, a longer one is not")
  func length() throws {
    let base = "https://a.example/"
    let longest = base + String(repeating: "a", count: 2_048 - base.utf8.count)
    #expect(try RemoteURL(longest).text == longest)
    #expect(throws: RemoteURL.Problem.malformed) { try RemoteURL(longest + "a") }
  }

  @Test("without TLS only loopback addresses, and only with a reason")
  func plaintext() throws {
    let reason = RemoteURL.Plaintext(because: "a test")
    for text in ["http://127.0.0.1:80/", "http://127.255.0.1:8200/", "http://[::1]/"] {
      #expect(try !RemoteURL(text, plaintext: reason).isTLS)
      #expect(throws: RemoteURL.Problem.plaintext) { try RemoteURL(text) }
      #expect(throws: RemoteURL.Problem.plaintext) {
        try RemoteURL(text, plaintext: RemoteURL.Plaintext(because: " \t"))
      }
    }
    for text in ["http://localhost/", "http://a.example/", "http://10.0.0.1/", "http://[::2]/"] {
      #expect(throws: RemoteURL.Problem.plaintextToElsewhere) {
        try RemoteURL(text, plaintext: reason)
      }
    }
  }

  @Test("two addresses are the same if their bytes are, with the default port filled in")
  func equality() throws {
    #expect(try RemoteURL("https://a.example") == RemoteURL("https://A.example:443/"))
    #expect(try RemoteURL("https://a.example/a") != RemoteURL("https://a.example/A"))
    #expect(try RemoteURL("https://a.example/") != RemoteURL("https://a.example:8443/"))
    #expect(
      try RemoteURL("https://a.example/x").hasSameOrigin(as: RemoteURL("https://a.example/y"))
    )
    let plain = try RemoteURL("http://127.0.0.1:443/", plaintext: .init(because: "a test"))
    #expect(try !plain.hasSameOrigin(as: RemoteURL("https://127.0.0.1:443/")))
  }

  @Test("the description leaves the query out")
  func description() throws {
    #expect(try "\(RemoteURL("https://a.example/b?code=1"))" == "https://a.example/b")
  }
}
