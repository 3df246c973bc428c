// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import TokenwardCore

/// The one question of Kubernetes that a login asks: whose is this token? It takes every token at its
/// word, so it is for tests.
final class TokenReviewer: Sendable {
  let port = Int.random(in: 30_001 ..< 32_000)
  private let process = Process()

  private static let script = """
    import base64, http.server, json, ssl, sys
    class Review(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["content-length"])
            review = json.loads(self.rfile.read(length))
            part = review["spec"]["token"].split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
            account = claims["kubernetes.io"]["serviceaccount"]
            review["status"] = {
                "authenticated": True, "audiences": ["openbao"],
                "user": {"username": claims["sub"], "uid": account["uid"],
                         "groups": ["system:serviceaccounts"]},
            }
            body = json.dumps(review).encode()
            self.send_response(201)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Review)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("cert.pem", "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()
    """

  init(_ server: BaoServer) throws {
    self.process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    self.process.arguments = ["python3", "-c", Self.script, "\(self.port)"]
    self.process.currentDirectoryURL = server.folder
    try self.process.run()
  }

  deinit {
    // Not asked to end: Foundation starts children with that signal blocked.
    kill(self.process.processIdentifier, SIGKILL)
    self.process.waitUntilExit()
  }

  /// A token in the form of Kubernetes. Nobody checks its signature here.
  func token(_ name: String) -> String {
    let claims = """
      {"iss":"https://kubernetes","aud":["openbao"],"nbf":1,"iat":1,"exp":4102444800,\
      "sub":"system:serviceaccount:shop:\(name)","kubernetes.io":{"namespace":"shop",\
      "serviceaccount":{"name":"\(name)","uid":"u-\(name)"}}}
      """
    let parts = [#"{"alg":"RS256","typ":"JWT"}"#, claims, "signature"]
    return parts.map { Base64URL.encode(Array($0.utf8)) }.joined(separator: ".")
  }
}
