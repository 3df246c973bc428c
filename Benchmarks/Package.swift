// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that what Tokenward is compared with is no dependency of Tokenward.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let arguments: Target.Dependency =
  .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "tokenward-benchmarks",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(name: "tokenward", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    .package(url: "https://github.com/grpc/grpc-swift-2.git", from: "2.4.3"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport.git", from: "2.9.2"),
    .package(url: "https://github.com/vapor/jwt-kit.git", from: "5.7.1"),
  ],
  targets: [
    .target(name: "CAllocationCounter"),
    .target(
      name: "BenchSupport",
      dependencies: [
        .product(name: "TokenwardCore", package: "tokenward"),
        .product(name: "TokenwardTelemetry", package: "tokenward"),
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      swiftSettings: settings
    ),
    .executableTarget(
      name: "core-bench",
      dependencies: [
        "BenchSupport", "CAllocationCounter", arguments,
        .product(name: "TokenwardCore", package: "tokenward"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "CryptoExtras", package: "swift-crypto"),
        .product(name: "JWTKit", package: "jwt-kit"),
      ],
      swiftSettings: settings
    ),
    .executableTarget(
      name: "store-bench",
      dependencies: [
        "BenchSupport", arguments,
        .product(name: "TokenwardCore", package: "tokenward"),
        .product(name: "TokenwardAuthority", package: "tokenward"),
      ],
      swiftSettings: settings
    ),
    .executableTarget(
      name: "authority-bench",
      dependencies: [
        "BenchSupport", arguments,
        .product(name: "TokenwardCore", package: "tokenward"),
        .product(name: "TokenwardAuthority", package: "tokenward"),
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      swiftSettings: settings
    ),
    .executableTarget(
      name: "guard-bench",
      dependencies: [
        "BenchSupport", arguments,
        .product(name: "TokenwardCore", package: "tokenward"),
        .product(name: "TokenwardGRPC", package: "tokenward"),
        .product(name: "TokenwardGRPCHTTP2", package: "tokenward"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings
    ),
  ]
)
