// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

extension OpenBaoFailure {
  /// What is wrong, and what to do about it.
  package var explanation: (problem: String, hint: String) {
    switch self {
    case .unreachable:
      ("OpenBao cannot be reached", "check the address and that the server runs")
    case .tlsFailed:
      (
        "the certificate of OpenBao is not trusted",
        "name the file of the authority that signed it, and a host that is in the certificate"
      )
    case .deadlineExceeded:
      ("OpenBao gave no whole answer in time", "check the load of the server and of the network")
    case .authoritiesUnusable:
      (
        "the file of certificate authorities cannot be used any more",
        "put the PEM file back; nobody but its owner and its group may write to it"
      )
    case .sealed:
      ("OpenBao is sealed", "unseal it: bao operator unseal; nothing else has to be done")
    case .standby:
      ("a standby node answered", "name the active node, or a load balancer that finds it")
    case .throttled:
      (
        "OpenBao asks to wait",
        "raise the rate limit quota, or name the active node if this one is a standby"
      )
    case .behind:
      ("this node has not caught up with the others yet", "it is asked again; nothing to do")
    case .redirected:
      (
        "OpenBao redirects to another address, and the token is not sent there",
        "name the active node or a load balancer instead of a standby, and turn on forwarding"
      )
    case .serverError:
      ("OpenBao failed", "look into its log")
    case .loginRefused:
      (
        "OpenBao refuses the login",
        "check role, and put a new secret_id into the file; the same one is tried once more after a "
          + "minute and then not for a while, because OpenBao locks a role after five wrong logins"
      )
    case .denied:
      (
        "OpenBao denies permission",
        "check policy and namespace; after five wrong logins OpenBao locks a role for 15 minutes"
      )
    case .notFound:
      ("there is no such thing", "check mount, path, version and namespace")
    case .deleted:
      (
        "this version was deleted or destroyed",
        "write a new one, or undelete it: bao kv undelete"
      )
    case .unusableAnswer:
      (
        "the answer is not usable",
        "check that the mount is a KV engine of version 2, that the field is a non-empty string, and "
          + "that the address is the one of OpenBao"
      )
    case .tooLarge:
      ("the answer is longer than accepted", "keep large data elsewhere")
    case .wrappedTokenReused:
      (
        "ALARM: the wrapping token of the secret_id was used before or has expired",
        "somebody else may have the secret_id: destroy it by its accessor, find out who unwrapped "
          + "it in the audit log, and deliver a new wrapped one. An answer lost on its way to this "
          + "process looks the same"
      )
    case .wrappedTokenForeign:
      (
        "ALARM: the wrapping token holds something else than a secret_id of this login",
        "somebody may have unwrapped the right one and wrapped it again: destroy the secret_id by "
          + "its accessor and deliver a new wrapped one"
      )
    case .credentialFile:
      ("the file with the credential cannot be used", "check its path, rights and content")
    case .clockUnavailable:
      ("the clock cannot be read", "set the clock of this machine")
    case .cancelled:
      ("nobody waited for the answer", "nothing to do")
    }
  }
}
