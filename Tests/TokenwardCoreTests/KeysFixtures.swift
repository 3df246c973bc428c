// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Keys and certificates that cannot be made on the spot. No private half exists any more.
enum KeysFixtures {
  /// Public key of ``certificateA``.
  static let keyA = TestJWK([
    ("kty", "\"EC\""), ("crv", "\"P-256\""),
    ("x", "\"Bi8SxzM70Nk7vQpAQNTUgY1JdgA0zelC_-v7ABb6NHo\""),
    ("y", "\"3u7uki4cY3dFd2whp1q4jsNBXR8Gmc5ZYd9kSu3QcGo\""),
  ])

  /// The key with these certificates, in standard base64.
  static func certified(_ certificates: String...) -> TestJWK {
    let list = certificates.map { "\"\($0)\"" }.joined(separator: ",")
    return keyA.with("x5c", "[\(list)]")
  }

  static let certifiedRSA = TestJWK([
    ("kty", "\"RSA\""), ("n", "\"\(modulusC)\""), ("e", "\"AQAB\""),
    ("x5c", "[\"\(certificateC)\"]"),
  ])

  /// The prime of RFC 3526 §3 (group 14).
  static let primeModulus =
    "___________JD9qiIWjCNMTGYouA3BzRKQJOCIpnzHQCC76mOxObIlFKCHmONATd75UZs806QxswKwpt8l8UN0_hNW"
    + "1tUcJF5IW1dmJefsb0TELppjftawv_XLb0Brft7jhr-1qJn6WunyQRfEsf5kkoZlHs5Fs9wgB8uKFjvwWY2kg2HFXT"
    + "mmkWP6j9JM9fg2VdI9yjrZYcYvNWIIVSu57VKQdwlpZtZww1Tkq8mATxdGwIyhghfDKQXkYuNs474553LBgOhgObJ4"
    + "Oi7Aeij7XFXfBvTFLJ3ivL9pVYFxg5lUl86pVq5RXSJhiY-gUQFXKOWoqsqmj__________w"
  /// k·M + (65537^12345 mod M) with M the product of the primes up to 167:
  /// the form of CVE-2017-15361.
  static let rocaModulus =
    "p-Rn_mH1Ip-R3g9yTPh2oiciNmPbIAmw8qa6YoUNPYmNG9gwo1yTEROd9ZBq_ERNyyB6rY2gyENHXolTUMq9pNAljK"
    + "-PAXRfk8CtuN8Nwebf5-MQ0V-xL5GUA_NVnK_w8wcRZgtXzwBAOPV62XLTSPPxy4JjChvJCmSn_VNm_fx-aK0C3_AA"
    + "jTFvHyfjDMwrv2YZNXma4fERV0tUPVoqHK4BF8A3574PFJTMnQhG88E17y1_P1wbzL4FBs9-BPUFvDFaGlKj1UfI4e"
    + "hDV4oRfauZTOLtBilRfd_IQryIGOetqJuijGmaBXV78v2HobFyJQQpnqv5equXYQF_EKlOmw"
  static let thumbprintA =
    "WxBUT90Wp6W2Nemn8JMsfG60iVI"
  static let thumbprintB =
    "0DakRNNWnSVXmBi7iQIJHqj2104"
  static let thumbprint256A =
    "QuqcJS4zYAXqF89ONGJnLmMyJA8gmwr_yF-c1v0gxLs"
  static let thumbprint256B =
    "PdwvnzcyvwgJWZibnnCqrz44cadKfbXFZ9jM7BTKF4A"
  static let certificateA =
    "MIIBbjCCARWgAwIBAgIUfrHlh1+nh/6WA/z9SERglwQ5O7cwCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwBYTAgFw0yNj"
    + "ExMjMyMzU5MzFaGA8yMTI2MTAzMDIzNTkzMVowDDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA"
    + "BAYvEsczO9DZO70KQEDU1IGNSXYANM3pQv/r+wAW+jR63u7uki4cY3dFd2whp1q4jsNBXR8Gmc5ZYd9kSu3QcGqjUz"
    + "BRMB0GA1UdDgQWBBQ1OTI/Q0p19/2z7mspmXNW+/4PYjAfBgNVHSMEGDAWgBQ1OTI/Q0p19/2z7mspmXNW+/4PYjAP"
    + "BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIHA7jpiBqlohDKngXMoE7SXrBwrYoH/Mp5TsgNvGzwioAi"
    + "A0rFglg4FgSnOG6WcM+fAwAcAYrDIX3vzOZTgg7+16dA=="
  static let certificateB =
    "MIIBbjCCARWgAwIBAgIURQHzZYWgM1qMmJwcbDt3A0uS+rQwCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwBYjAgFw0yNj"
    + "ExMjMyMzU5MzFaGA8yMTI2MTAzMDIzNTkzMVowDDEKMAgGA1UEAwwBYjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA"
    + "BEiJ89IcMgOsNmsZKKSJmr6iZV0iyoh3b/AOAuRRC7UFLTh3l5K3aaDt6Yql6l2nkgLDc7kNyTidvfKun8y5LKqjUz"
    + "BRMB0GA1UdDgQWBBS5l3Mg/vkukbZiR+8mIalDAIvyxzAfBgNVHSMEGDAWgBS5l3Mg/vkukbZiR+8mIalDAIvyxzAP"
    + "BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIEoXvkEJgYBUod95r8lrLGy98APDkUaPnCoXfxLLUBxrAi"
    + "BeD4k7aaXHObBVDJlUphP/stjwvgWMXp4AJiafq238bQ=="
  static let modulusC =
    "zNmbj6-M19uQy1NH-AqD7IeqkbagQmiTb84ENI_Aed1EWSS9RvJg4UsM87JV0G_ikm1j45sYdHTg3ZEG1gcjyM2LXB"
    + "yq5eWddLSp1EjKMTK9zn7AUAya0iKOgBtxFF5_itm9DoelJcS3oXAX4IWrReSfW8Jb4L-JCp6ye7KJ1SS-6eh5Eldx"
    + "nWhXPVFFQUF6F7PvBO2LxRR1bVGLopUfiVEG68ag8pmkSRYpKEWE8zlnznmNslPCN8KT_jCcCO2AQATr9HR-KL3EpJ"
    + "285gcsz-h_xxPlvpN9zixkhnPxTymb-bybXxeBjC3WIdkE5g8M_Zgh7ZOc9WPcVK-yExlt-Q"
  static let certificateC =
    "MIIC+zCCAeOgAwIBAgIUJhTsUGVk4+nw2jNpuCA+277X8XYwDQYJKoZIhvcNAQELBQAwDDEKMAgGA1UEAwwBcjAgFw"
    + "0yNjExMjMyMzU5MzFaGA8yMTI2MTAzMDIzNTkzMVowDDEKMAgGA1UEAwwBcjCCASIwDQYJKoZIhvcNAQEBBQADggEP"
    + "ADCCAQoCggEBAMzZm4+vjNfbkMtTR/gKg+yHqpG2oEJok2/OBDSPwHndRFkkvUbyYOFLDPOyVdBv4pJtY+ObGHR04N"
    + "2RBtYHI8jNi1wcquXlnXS0qdRIyjEyvc5+wFAMmtIijoAbcRRef4rZvQ6HpSXEt6FwF+CFq0Xkn1vCW+C/iQqesnuy"
    + "idUkvunoeRJXcZ1oVz1RRUFBehez7wTti8UUdW1Ri6KVH4lRBuvGoPKZpEkWKShFhPM5Z855jbJTwjfCk/4wnAjtgE"
    + "AE6/R0fii9xKSdvOYHLM/of8cT5b6Tfc4sZIZz8U8pm/m8m18XgYwt1iHZBOYPDP2YIe2TnPVj3FSvshMZbfkCAwEA"
    + "AaNTMFEwHQYDVR0OBBYEFNDOlDNSkzvDbUMlkRv9Zg5ltxXlMB8GA1UdIwQYMBaAFNDOlDNSkzvDbUMlkRv9Zg5ltx"
    + "XlMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEBACaU4EYpHnDBQ5QymHxx6HsnA0s2ya+oPqLiOcBC"
    + "ODzwPSp0d0lqY6a3ga1Ql4n8x2j7kyIVZuoqfjK33LMGkWEz7vdcUCYvDGLRSFaSPbYVO8SRVOd9SWVzbol5f9j/AV"
    + "Vw3n/01DnMF4vy+eGCQ2BBgzQ2yAZWtUNa0oKeLGh6a1mDRvgvHXszKzm00Vf0rwesy8uSBf+wesVrIsQpVmg7tebG"
    + "RGadNIdzvo6YJd1Ka3nBfbMldqqBZnRkVazuqaqx7PcDpcvNQEwQBwIisyvFILZnF5BS+z9qW6lZoFS8ut8MK2/ejf"
    + "R0ChucBOQm9FE1o0cMq6hjmBE+1uFjHJI="
}
