// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Refused and accepted texts are those of the grammar, and each value has exactly one text.
func checkBase64URL(_ input: [UInt8]) {
  let decoded = Base64URL.decode(input)
  expect(decoded == decodedBase64URL(input), "decoded as the alphabet says, or refused")
  if let decoded {
    expect(utf8(Base64URL.encode(decoded)) == input, "decode, then encode, is the identity")
  }
  let encoded = utf8(Base64URL.encode(input))
  expect(Base64URL.decode(encoded) == input, "encode, then decode, is the identity")
  expect(encoded.count == (input.count * 4 + 2) / 3, "no padding")
}

/// Accepted exactly where the grammar says so, and then nothing of the path is lost: a name that
/// differs from the bytes lets the policy judge another method than the one that is called.
func checkPath(_ input: [UInt8]) {
  let path = String(decoding: input, as: UTF8.self)
  let method = RPCMethod(path: path)
  expect((method != nil) == followsPathGrammar(utf8(path)), "accepted as the grammar says")
  guard let method else { return }
  expect(utf8("/" + method.fullName) == utf8(path), "the name is the path without its slash")
  expect(utf8("/\(method.service)/\(method.name)") == utf8(path), "service and name are its parts")
  expect(RPCMethod(fullName: method.fullName) == method, "the name names the same method")
}

/// Accepted exactly where the grammar says so. What is handed on to the host is a timeout that it
/// can read, not shorter than what the caller asked for and hardly longer.
func checkTimeout(_ input: [UInt8]) {
  let value = String(decoding: input, as: UTF8.self)
  let timeout = CallTimeout(value)
  expect((timeout != nil) == followsTimeoutGrammar(utf8(value)), "accepted as the grammar says")
  guard let timeout else { return }
  let longest = Duration.seconds(CallTimeout.longestSeconds)
  expect(timeout.duration >= .zero && timeout.duration <= longest, "within the range")

  let canonical = timeout.canonicalValue
  expect(canonical.utf8.count <= 8, "seven digits and a unit: \(canonical)")
  guard let again = CallTimeout(canonical) else {
    return expect(false, "the canonical value can be read: \(canonical)")
  }
  expect(again.duration >= timeout.duration, "rounded up: \(canonical)")
  expect(again.duration - timeout.duration <= timeout.duration / 9_999, "hardly: \(canonical)")
  expect(again.canonicalValue.utf8.elementsEqual(canonical.utf8), "canonical twice is the same")
}

/// Accepted exactly where the grammar says so, and the token is the rest of the value.
func checkAuthorization(_ input: [UInt8]) {
  let value = String(decoding: input, as: UTF8.self)
  let bytes = utf8(value)
  let token: PresentedToken
  do throws(DenialReason) {
    token = try AuthorizationValue.token(value)
  } catch {
    switch error {
    case .credentialMalformed: expect(!followsBearerGrammar(bytes), "refused as malformed")
    case .tokenTooLarge: expect(bytes.count - 7 > BearerToken.maximumLength, "refused as too large")
    default: expect(false, "another reason: \(error)")
    }
    return
  }
  let rest = Array(bytes.dropFirst(7))
  expect(followsBearerGrammar(bytes), "accepted as the grammar says")
  expect(rest.count <= BearerToken.maximumLength, "not too large")
  expect(token.bytes == rest, "the token is the rest of the value")
  expect(token.fingerprint == BearerToken(bytes: rest).fingerprint, "its fingerprint is its own")
  expect(utf8("\(token)") == utf8("<bearer token>"), "its description says nothing")
}

/// What strangers sent cannot forge a line, nor show an operator another text than the record has;
/// and a reader of the record gets it back unchanged.
func checkEscaping(_ input: [UInt8]) {
  let text = String(decoding: input, as: UTF8.self)
  let quoted = JSONText.quoted(text)
  for scalar in quoted.unicodeScalars {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: expect(false, "a control is escaped")
    default: break
    }
    expect(!scalar.properties.isBidiControl, "bidirectional controls are escaped")
    expect(!(0x200B ... 0x200F).contains(scalar.value) && scalar.value != 0xFEFF, "zero width, too")
  }
  var bytes: [UInt8] = []
  JSONText.append(quoted: text, to: &bytes)
  expect(bytes == utf8(quoted), "as bytes and as text it is the same")
  guard let document = try? JSONDocument(bytes, limits: JSONLimits(bytes: 1 << 20)) else {
    return expect(false, "it is a JSON text")
  }
  expect(document.utf8(document.root) == utf8(text), "reading it gives the text back")
  expect(ReferenceJSON.parse(bytes, limits: .generous)?.string == utf8(text), "for others as well")
}
