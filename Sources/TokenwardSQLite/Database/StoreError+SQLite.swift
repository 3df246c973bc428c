// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRDB
internal import TokenwardAuthority

extension StoreError {
  /// What an error of SQLite means for who uses the store. Neither statements nor values are in it.
  init(_ error: any Error, path: String) {
    switch error {
    case let error as StoreError: self = error
    case let error as DatabaseError:
      let text =
        "\(path): \(error.message ?? "no message") (SQLite \(error.extendedResultCode.rawValue))"
      switch error.resultCode {
      case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .corrupted(text)
      default: self = .unavailable(text)
      }
    case is CancellationError: self = .unavailable("the caller was cancelled")
    case is Undurable: self = .undurable("\(path): the epoch could not be written")
    default: self = .unavailable("\(path): \(type(of: error))")
    }
  }
}
