// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import TokenwardCore

/// Which authority a command talks to: the one that `tokenward login` has stored.
struct AuthorityOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The profile that `login` made.", valueName: "name"))
  var profile = Profile.defaultName

  @Option(
    help: ArgumentHelp("Another authority than the profile's.", valueName: "host:port")
  )
  var server: AuthorityAddress?

  @Option(
    help: ArgumentHelp(
      "The PEM file of the authorities that may vouch for the server, in place of the profile's.",
      valueName: "file"
    )
  )
  var ca: String?

  func validate() throws {
    guard Profile.isName(self.profile) else { throw ValidationError(Profile.nameRule) }
  }

  /// The connection to the authority of the profile.
  /// - Throws: ``CommandFailure`` without a profile, or if another server is named: the token of a
  ///   profile is for its own server.
  func connection() throws -> AuthorityConnection {
    let profile = try Profile.read(self.profile)
    if let server, server.host != profile.address.host {
      throw CommandFailure(
        "the token of the profile \(self.profile) is for \(profile.address.host), and goes nowhere"
          + " else",
        hint: "log in there: tokenward login --server \(server.host) --profile NAME",
        status: .usage
      )
    }
    return AuthorityConnection(
      address: profile.address,
      roots: self.ca ?? profile.roots,
      token: profile.token
    )
  }

  /// The connection for a call whose request carries the token that it is about. Every call needs a
  /// caller as well: whoever is logged in there, or else that token itself.
  func connection(about token: BearerToken) throws -> AuthorityConnection {
    let isLoggedIn = (try? Profile.read(self.profile))?.address.host == self.server?.host
    guard let server, !isLoggedIn else {
      var connection = try self.connection()
      connection.subject = "the token that was given, or the one that you are logged in with"
      return connection
    }
    var connection = AuthorityConnection(address: server, roots: self.ca, token: token)
    connection.subject = "the token that was given"
    return connection
  }
}
