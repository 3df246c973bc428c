// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

extension UnixTime {
  /// RFC 3339 in UTC with milliseconds, for the years 0 to 9999; later times are written as the last
  /// moment of 9999, earlier ones as the first of year 0.
  package var rfc3339: String {
    let seconds = min(max(self.seconds, -62_167_219_200), 253_402_300_799)
    let days = seconds / 86_400 - (seconds % 86_400 < 0 ? 1 : 0)
    let (year, month, day) = Self.date(daysSinceEpoch: days)
    let second = (seconds % 86_400 + 86_400) % 86_400
    return Self.digits(year, 4) + "-" + Self.digits(month, 2) + "-" + Self.digits(day, 2) + "T"
      + Self.digits(second / 3_600, 2) + ":" + Self.digits(second / 60 % 60, 2) + ":"
      + Self.digits(second % 60, 2) + "." + Self.digits(Int64(self.nanoseconds / 1_000_000), 3)
      + "Z"
  }

  /// The civil date of a day, by H. Hinnant's `civil_from_days`: eras of 400 years that begin in
  /// March, so that the leap day is the last one.
  private static func date(daysSinceEpoch days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, day)
  }

  private static func digits(_ value: Int64, _ count: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, count - digits.utf8.count)) + digits
  }
}
