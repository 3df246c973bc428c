// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import TokenwardCore

extension Metadata {
  /// These trailers without the details of a denial, if they have some; nil if they can stay as they
  /// are.
  ///
  /// A handler that calls another guarded server and lets its error out would answer with that
  /// server's denial. The caller would take it for one of this server's guard, which speaks before
  /// any handler has run, and send the whole call again with another token.
  var withoutForeignDenial: Metadata? {
    guard !self.isEmpty else { return nil }
    let name = "grpc-status-details-bin"
    let isForeign = self[binaryValues: name].contains { bytes in
      DenialDetails(statusDetails: bytes)?.domain.hasSameBytes(as: DenialResponse.errorDomain)
        ?? false
    }
    guard isForeign else { return nil }
    var own = self
    own.removeAllValues(forKey: name)
    return own
  }
}
