// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardAuthority
internal import TokenwardCore

extension ConfigurationDecoder {
  /// How often one API token may be exchanged. Ten seconds of it may come at once.
  /// - Returns: false if it is wrong.
  func exchangeRate(
    _ section: ConfigurationSection,
    _ limits: inout AuthorityLimits
  ) -> Bool {
    guard let field = section["exchanges_per_second"] else { return true }
    guard let text = field.text("100") else { return false }
    guard (1 ... 6).contains(text.utf8.count),
      text.utf8.allSatisfy((UInt8(ascii: "0") ... UInt8(ascii: "9")).contains),
      let number = Int64(text), (1 ... 100_000).contains(number)
    else {
      field.fail(
        "\(ConfigurationError.shown(text)) is no number from 1 to 100000",
        "write how often a second one API token may be exchanged; 100 unless given"
      )
      return false
    }
    limits.exchangesPerSecond = number
    limits.exchangeBurst = 10 * number
    return true
  }
}
