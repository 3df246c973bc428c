// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRDB
internal import TokenwardAuthority

extension SQLiteTokenStore {
  /// Accepts a database that was put back although it is older than what was acknowledged, or although
  /// nothing says how old it is. Whatever was revoked, rotated or disabled since it was copied is as it
  /// was then: tokens that were taken back work again. Only a person who knows that may call this.
  ///
  /// The database is checked for damage as at any start. It becomes another database with a new
  /// identity and a higher version than any that was acknowledged, so that neither its predecessor nor
  /// other copies of it are taken for it later.
  /// - Parameter path: the file.
  /// - Throws: ``SQLiteStoreProblem``, above all if the database is damaged or in use.
  public static func acceptRestored(path: String) throws(SQLiteStoreProblem) {
    let lock = try DatabaseOpening.lock(path)
    defer { withExtendedLifetime(lock) {} }
    guard try OwnerOnlyFile.state(of: path) == .present else {
      throw SQLiteStoreProblem(
        .unsuitable,
        path,
        "is not there",
        hint: "put the database there first"
      )
    }
    var epoch: Epoch?
    if try OwnerOnlyFile.state(of: EpochFile.path(of: path)) != .absent {
      do throws(SQLiteStoreProblem) {
        epoch = try EpochFile(database: path).epoch
      } catch  where error.kind == .damaged {
        // Then it says nothing, as if it were missing.
      }
    }
    try DatabaseInspection.inspect(path, against: nil)
    var accepted = Epoch(identity: DatabaseOpening.identity(), version: 0)
    do {
      let pool = try DatabasePool(
        path: path,
        configuration: Schema.configuration(isReadOnly: false)
      )
      defer { try? pool.close() }
      try pool.writeWithoutTransaction { db in try Schema.makeDurable(db) }
      accepted.version = try pool.write { [accepted, epoch] db in
        var state = try DatabaseState.require(db)
        // Nobody knows how far it was when the epoch is missing: far enough, then.
        let past = max(state.version, epoch?.version ?? 0)
        let (version, overflow) = past.addingReportingOverflow(epoch == nil ? 1 << 32 : 1)
        guard !overflow else { throw StoreError.unavailable("no versions are left") }
        state.identity = accepted.identity
        state.version = version
        try state.save(db)
        return version
      }
    } catch {
      throw SQLiteStoreProblem(error, path)
    }
    // The database first: until the epoch fits it, it is refused.
    try EpochFile.create(accepted, database: path)
  }
}
