// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardGRPCHTTP2

/// A connection to an authority, over TLS, with a token that goes to that authority and nobody else.
struct AuthorityConnection: Sendable {
  /// Where it is.
  let address: AuthorityAddress
  /// The PEM file of the authorities that may vouch for its certificate; nil for the system's.
  let roots: String?
  /// What every call presents.
  let token: BearerToken
  /// Which tokens an answer may be about that says no more than "not authenticated".
  var subject = "the token that you are logged in with"

  /// Runs `body` with a client, and closes the connection behind it.
  /// - Throws: ``CommandFailure``; errors of calls are explained.
  func use<Result: Sendable>(
    _ body: @Sendable (AuthorityAPI.Client) async throws -> Result
  ) async throws -> Result {
    if let roots {
      // The transport would say only that it cannot be made.
      _ = try FileReading.file(roots, limit: 4_194_304)
    }
    let transport: AuthorityAPI.Transport
    do {
      transport = try .http2NIOPosix(
        target: self.address.target,
        presenting: GivenToken(token: self.token),
        boundTo: [self.address.host],
        transportSecurity: self.roots.map {
          .tls(trustRoots: .certificates([.file(path: $0, format: .pem)]))
        } ?? .tls
      )
    } catch {
      throw CommandFailure(
        "the connection cannot be set up: \(error.problems.first?.problem ?? "")",
        hint: error.problems.first?.hint,
        status: .usage
      )
    }
    do {
      return try await withGRPCClient(transport: transport, handleClient: body)
    } catch let failure as CommandFailure {
      throw failure
    } catch let closed as OutputClosed {
      throw closed
    } catch let error as RPCError {
      throw CommandFailure(error, from: self.address, about: self.subject)
    } catch {
      throw CommandFailure("the connection to \(self.address.host) failed")
    }
  }

  private struct GivenToken: TokenSource {
    let token: BearerToken
    func token() async throws -> BearerToken { self.token }
  }
}
