// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The attack table: every row of the catalogue that a guard can answer, and a reason for each that
/// it cannot.
public enum AttackTable {
  /// The rows, ordered by area. Row M14 has two entries: calls, and frames.
  public static let attacks: [Attack] =
    AlgorithmRows.rows + HeaderRows.rows + SignatureRows.rows + KeyRows.rows + KeySetRows.rows
    + EncodingRows.rows + JSONRows.rows + ClaimRows.rows + GrantRows.rows + MetadataRows.rows
    + PathRows.rows + FrameRows.rows + LeakRows.rows

  /// What the rows leave out, whole rows and parts of rows, and why. Runners show it.
  public static let notApplicable: [NotApplicable] = [
    NotApplicable(
      "A11",
      "no outbound connection",
      "The guard holds no client of any kind; the layer check proves that the core cannot import one."
    ),
    NotApplicable(
      "K11",
      "expired and CA certificates as leaf",
      "No trust is drawn from x5c, so its dates and extensions decide nothing; the key must match."
    ),
    NotApplicable(
      "K15",
      "one key for several uses",
      "A pepper digests API tokens only; there is no DPoP and no derived key behind this door."
    ),
    NotApplicable(
      "C17",
      "policy by subject",
      "The policy knows scopes and roles only; those and jti are tried."
    ),
    NotApplicable(
      "C23",
      "across two replicas, and 100 at once",
      "Replicas need a shared SingleUseMemory of the operator's; the race is a test of its own."
    ),
    NotApplicable(
      "M12",
      "x_user and x-user",
      "Headers about identity belong to the gateway; here only authorization counts."
    ),
    NotApplicable(
      "P12",
      "tenant by authority",
      "The guard does not read :authority, so nothing can be gained by it."
    ),
    NotApplicable(
      "P17",
      "operations within a message",
      "Messages are not decoded before the decision; a service authorises what they carry."
    ),
    NotApplicable("P18", "transcoding", "Belongs to the gateway: the guard sees RPC names only."),
    NotApplicable(
      "P19",
      "grpc-web and CORS",
      "Belongs to the gateway: this door speaks gRPC only."
    ),
    NotApplicable(
      "L01",
      "the whole row",
      "Tested on the types that hold secrets, and on records of decisions."
    ),
    NotApplicable(
      "L04",
      "latency",
      "Public keys are no secret; HMAC comparison takes constant time. Timing is not asserted here."
    ),
    NotApplicable("L06", "core dumps", "A setting of the process: the operator manual's business."),
    NotApplicable("L07", "arguments and environment", "Tested on the command, not on the guard."),
    NotApplicable("L08", "the whole row", "Tested on the types that hold secrets."),
    NotApplicable(
      "L09",
      "metric labels",
      "Labels are closed enums in the core; tested with the metrics."
    ),
    NotApplicable("L10", "trace context", "The guard does not read traceparent or baggage."),
  ]
}
