// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The files under an audit trail: what may fail and block. Used by one thread at a time.
package protocol AuditDevice: Sendable {
  /// Refuses a file that was removed, or is not as long as it was left.
  func check(length: Int64) throws(AuditTrailError)
  /// Writes bytes at the end of the file. On a failure some of them may be there.
  func append(_ bytes: [UInt8]) throws(AuditTrailError)
  /// Returns when what was written outlasts a crash of the machine.
  func synchronize() throws(AuditTrailError)
  /// Removes everything behind a length.
  func cutBack(to length: Int64) throws(AuditTrailError)
  /// Writes the few bytes that vouch for the end of the chain, over those that were there. They need
  /// not outlast a crash of the machine.
  func writeHead(_ bytes: [UInt8]) throws(AuditTrailError)
  /// Brings those bytes to the disk.
  func synchronizeHead() throws(AuditTrailError)
}
