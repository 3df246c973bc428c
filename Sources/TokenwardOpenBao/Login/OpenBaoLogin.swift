// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// How this process proves to OpenBao who it is. Credentials are in files, never in the
/// configuration, the environment or an argument, where every child process, crash report and list
/// of processes shows them.
public enum OpenBaoLogin: Sendable, Hashable {
  /// Where Kubernetes mounts the token of a pod's service account.
  public static let serviceAccountToken = "/var/run/secrets/kubernetes.io/serviceaccount/token"

  /// The public half of an AppRole's credentials. It is no secret.
  public enum RoleID: Sendable, Hashable {
    /// Given here.
    case value(String)
    /// The content of a file.
    case file(String)
  }

  /// The secret half of an AppRole's credentials: the content of a file that only its owner can
  /// read, and the owner is this user or root.
  public enum SecretID: Sendable, Hashable {
    /// The secret_id itself.
    case file(String)
    /// A response-wrapping token that holds the secret_id. It can be opened once: that it was opened
    /// before is noticed, and is an alarm. Once opened, the secret_id is kept in memory for later
    /// logins; when this process starts again, it needs a new wrapping token in the file.
    case wrappedFile(String)
  }

  /// AppRole: for machines that something else has set up.
  case appRole(mount: String = "approle", roleID: RoleID, secretID: SecretID)

  /// Kubernetes: the pod's service account vouches for it. The token is read at each login, because
  /// Kubernetes replaces it. Kubernetes mounts it as root and, depending on the pod, readable by its
  /// group or by everybody in the container; so only who can write to it is checked: nobody but its
  /// owner, which is this user or root.
  case kubernetes(
    mount: String = "kubernetes",
    role: String,
    tokenFile: String = OpenBaoLogin.serviceAccountToken
  )

  /// A token that somebody else has fetched, such as the agent of OpenBao, in a file that only its
  /// owner can read. It is renewed here; when it ends, the file must hold another one.
  case tokenFile(String)
}
