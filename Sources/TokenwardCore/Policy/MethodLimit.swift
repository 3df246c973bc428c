// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The only methods that a token may call, whatever else it is granted. It can take away only: a call
/// needs a rule of the policy that allows it all the same.
///
/// It holds for methods that anyone may call, too: a token that was made for one method is refused
/// wherever else it is presented.
public struct MethodLimit: Sendable, Hashable {
  /// Most patterns of one token.
  public static let maximumPatterns = 1_024

  private let methods: Set<RPCMethod>
  private let services: Set<ServiceName>

  /// - Parameter patterns: `package.Service/Method` or `package.Service/*`. Any other pattern allows
  ///   nothing, and so does an empty list.
  public init(patterns: some Sequence<String>) {
    var methods: Set<RPCMethod> = []
    var services: Set<ServiceName> = []
    for pattern in patterns {
      switch MethodPattern(pattern) {
      case .method(let method): methods.insert(method)
      case .service(let service): services.insert(service)
      case nil: continue
      }
    }
    self.methods = methods
    self.services = services
  }

  /// Whether a method is among them.
  public func allows(_ method: RPCMethod) -> Bool {
    self.methods.contains(method)
      || (!self.services.isEmpty && self.services.contains(ServiceName(method.service)))
  }

  /// The patterns, ordered by their bytes.
  public var patterns: [String] {
    (self.methods.map(\.fullName) + self.services.map { "\($0.text)/*" })
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}
