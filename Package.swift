// swift-tools-version: 6.2
import PackageDescription

// Warnings are errors where this package is checked, not where it is a dependency: a newer compiler
// may warn about more.
let strict: [SwiftSetting] =
  Context.environment["TOKENWARD_STRICT"] == nil ? [] : [.treatAllWarnings(as: .error)]

let settings: [SwiftSetting] =
  strict + [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  ]

// The core alone is checked for every use of an unsafe construct: it is what reads bytes of strangers.
let coreSettings = settings + [.strictMemorySafety()]

// Generated code is compiled as its generator wrote it.
let generatedSettings: [SwiftSetting] = [.swiftLanguageMode(.v6)]

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let grpc: Target.Dependency = .product(name: "GRPCCore", package: "grpc-swift-2")
let grpcHTTP2: Target.Dependency =
  .product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport")
let grpcProtobuf: Target.Dependency = .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf")
let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")
let lifecycle: Target.Dependency =
  .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

let nioTLS: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

let signals: Target.Dependency =
  .product(name: "UnixSignals", package: "swift-service-lifecycle")

let package = Package(
  name: "tokenward",
  platforms: [.macOS(.v26), .iOS(.v26)],
  products: [
    .library(name: "TokenwardCore", targets: ["TokenwardCore"]),
    .library(name: "TokenwardGRPC", targets: ["TokenwardGRPC"]),
    .library(name: "TokenwardGRPCHTTP2", targets: ["TokenwardGRPCHTTP2"]),
    .library(name: "TokenwardRemote", targets: ["TokenwardRemote", "TokenwardHTTP"]),
    .library(name: "TokenwardOpenBao", targets: ["TokenwardOpenBao", "TokenwardHTTP"]),
    .library(name: "TokenwardTelemetry", targets: ["TokenwardTelemetry"]),
    .library(
      name: "TokenwardAuthority",
      targets: ["TokenwardAuthority", "TokenwardSQLite", "TokenwardAuthorityAPI"]
    ),
    .library(name: "TokenwardTestKit", targets: ["TokenwardTestKit"]),
    .executable(name: "tokenward", targets: ["tokenward"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
    .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0", traits: []),
    .package(url: "https://github.com/grpc/grpc-swift-2.git", from: "2.4.3"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport.git", from: "2.9.2"),
    .package(url: "https://github.com/grpc/grpc-swift-protobuf.git", from: "2.4.1"),
    .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
    .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
    .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
    .package(url: "https://github.com/swiftlang/swift-docc-plugin.git", from: "1.5.0"),
  ],
  targets: [
    .target(name: "CTokenwardHints"),
    .target(
      name: "TokenwardCore",
      dependencies: ["CTokenwardHints", crypto, cryptoExtras, asn1],
      swiftSettings: coreSettings
    ),
    .target(
      name: "TokenwardGRPC",
      dependencies: ["TokenwardCore", grpc],
      swiftSettings: settings
    ),
    .target(
      name: "TokenwardGRPCHTTP2",
      dependencies: [
        "TokenwardCore", "TokenwardGRPC", grpc, grpcHTTP2, x509, asn1, nioTLS, lifecycle, logging,
        .product(name: "NIOCertificateReloading", package: "swift-nio-extras"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOTLS", package: "swift-nio"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "TokenwardHTTP",
      dependencies: [
        "TokenwardCore",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        asn1, x509,
      ],
      swiftSettings: settings
    ),
    .target(
      name: "TokenwardRemote",
      dependencies: ["TokenwardCore", "TokenwardHTTP", lifecycle],
      swiftSettings: settings
    ),
    .target(
      name: "TokenwardOpenBao",
      dependencies: ["TokenwardCore", "TokenwardAuthority", "TokenwardHTTP", lifecycle],
      swiftSettings: settings
    ),
    .target(
      name: "TokenwardTelemetry",
      dependencies: [
        "TokenwardCore",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "TokenwardAttacks",
      dependencies: ["TokenwardCore", crypto, cryptoExtras],
      swiftSettings: settings
    ),
    .target(
      name: "TokenwardAuthority",
      dependencies: ["TokenwardCore", crypto],
      swiftSettings: settings
    ),
    .target(
      name: "TokenwardSQLite",
      dependencies: [
        "TokenwardCore", "TokenwardAuthority", .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "TokenwardProtos",
      dependencies: [grpc, grpcProtobuf, protobuf],
      swiftSettings: generatedSettings
    ),
    .target(
      name: "TokenwardAuthorityAPI",
      dependencies: [
        "TokenwardCore", "TokenwardAuthority", "TokenwardProtos", grpc, grpcProtobuf, protobuf,
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HummingbirdTLS", package: "hummingbird"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        crypto, lifecycle, logging, nioTLS,
      ],
      swiftSettings: settings
    ),
    .target(
      name: "TokenwardTestKit",
      dependencies: ["TokenwardCore", "TokenwardAttacks", "TokenwardAuthority"],
      swiftSettings: settings
    ),
    .target(
      name: "TokenwardService",
      dependencies: [
        "TokenwardAuthority", "TokenwardAuthorityAPI", "TokenwardCore", "TokenwardGRPC",
        "TokenwardGRPCHTTP2", "TokenwardHTTP", "TokenwardOpenBao", "TokenwardRemote",
        "TokenwardSQLite", "TokenwardTelemetry",
        grpc, grpcHTTP2, nioTLS,
        .product(name: "Yams", package: "Yams"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "Hummingbird", package: "hummingbird"),
        lifecycle,
      ],
      swiftSettings: settings
    ),
    .target(name: "CErasingAllocator"),
    .executableTarget(
      name: "tokenward",
      dependencies: [
        "CErasingAllocator",
        "TokenwardAuthority", "TokenwardCore", "TokenwardGRPC", "TokenwardGRPCHTTP2",
        "TokenwardProtos", "TokenwardRemote", "TokenwardService", "TokenwardTelemetry",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "X509", package: "swift-certificates"),
        asn1, crypto, cryptoExtras, protobuf, grpc, grpcHTTP2, grpcProtobuf, logging,
      ],
      swiftSettings: settings
    ),
    .target(
      name: "ExampleProtos",
      dependencies: [grpc, grpcProtobuf, protobuf],
      path: "Examples/ExampleProtos",
      swiftSettings: generatedSettings
    ),
    .executableTarget(
      name: "guarded-server",
      dependencies: [
        "ExampleProtos", "TokenwardAttacks", "TokenwardCore", "TokenwardGRPC",
        "TokenwardGRPCHTTP2", "TokenwardProtos", "TokenwardTelemetry", "TokenwardService", protobuf,
        grpc, grpcHTTP2, grpcProtobuf, lifecycle, signals, crypto, cryptoExtras,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Metrics", package: "swift-metrics"),
      ],
      path: "Examples/guarded-server",
      exclude: ["README.md"],
      swiftSettings: settings
    ),
    .executableTarget(
      name: "client-credentials",
      dependencies: [
        "ExampleProtos", "TokenwardCore", "TokenwardGRPC", "TokenwardGRPCHTTP2", "TokenwardHTTP",
        "TokenwardRemote", grpc, grpcHTTP2, grpcProtobuf, protobuf,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Examples/client-credentials",
      exclude: ["README.md"],
      swiftSettings: settings
    ),
    .executableTarget(
      name: "store-crash",
      dependencies: ["TokenwardCore", "TokenwardAuthority", "TokenwardSQLite"],
      path: "Tests/Support/store-crash",
      swiftSettings: settings
    ),
    .testTarget(
      name: "TokenwardCoreTests",
      dependencies: [
        "TokenwardCore", "TokenwardAttacks", "TokenwardTestKit", crypto, cryptoExtras,
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "TokenwardGRPCTests",
      dependencies: [
        "TokenwardCore", "TokenwardGRPC", "TokenwardGRPCHTTP2", "TokenwardAttacks",
        "TokenwardTestKit", "TokenwardTelemetry", "ExampleProtos",
        grpc, grpcHTTP2, grpcProtobuf, protobuf, x509, asn1, crypto, cryptoExtras,
        nioTLS, lifecycle, logging,
        .product(name: "GRPCInProcessTransport", package: "grpc-swift-2"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOTLS", package: "swift-nio"),
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "TokenwardRemoteTests",
      dependencies: [
        "TokenwardAuthority", "TokenwardCore", "TokenwardHTTP", "TokenwardOpenBao",
        "TokenwardRemote", "TokenwardTestKit",
        asn1, crypto, lifecycle,
        .product(name: "X509", package: "swift-certificates"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "TokenwardAuthorityTests",
      dependencies: [
        "TokenwardCore", "TokenwardAuthority", "TokenwardSQLite", "TokenwardTestKit", crypto,
        .product(name: "GRDB", package: "GRDB.swift"),
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "TokenwardAuthorityAPITests",
      dependencies: [
        "TokenwardCore", "TokenwardAuthority", "TokenwardAuthorityAPI", "TokenwardGRPC",
        "TokenwardProtos", "TokenwardTestKit", grpc, grpcProtobuf, protobuf, crypto, logging,
        nioTLS,
        .product(name: "GRPCInProcessTransport", package: "grpc-swift-2"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdTesting", package: "hummingbird"),
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "TokenwardTelemetryTests",
      dependencies: ["TokenwardCore", "TokenwardTelemetry", "TokenwardTestKit"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "TokenwardServiceTests",
      dependencies: [
        "TokenwardAuthority", "TokenwardCore", "TokenwardRemote", "TokenwardService",
        "TokenwardTestKit", "TokenwardTelemetry", logging,
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "TokenwardCommandTests",
      dependencies: [
        "tokenward", "TokenwardAuthority", "TokenwardCore", "TokenwardGRPC", "TokenwardProtos",
        "TokenwardService", asn1, crypto, grpc, protobuf,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "X509", package: "swift-certificates"),
      ],
      swiftSettings: settings
    ),
  ]
)
