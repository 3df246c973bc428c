// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

// Only our own code is instrumented: the fuzzer is to learn its branches, not those of BoringSSL.
let instrumented =
  settings + [
    .unsafeFlags(["-O", "-sanitize=fuzzer,address", "-parse-as-library"])
  ]

// `scripts/fuzz --self-test` fuzzes a copy with mistakes in it, and keeps the built dependencies.
let core =
  Context.environment["TOKENWARD_FUZZ_PLANTED"] == nil
  ? "Sources/TokenwardCore" : ".build-planted/TokenwardCore"

// A package of its own, because a package with unsafe flags cannot be a dependency. Sources are those
// of the library, through a link that scripts/fuzz makes: what is fuzzed is what is shipped, and `package` access reaches it.
let package = Package(
  name: "tokenward-fuzz",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
  ],
  targets: [
    .target(name: "CTokenwardHints"),
    .target(
      name: "TokenwardCore",
      dependencies: [
        "CTokenwardHints",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "CryptoExtras", package: "swift-crypto"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
      ],
      path: core,
      swiftSettings: instrumented + [.strictMemorySafety()]
    ),
    .executableTarget(
      name: "TokenwardFuzz",
      dependencies: ["TokenwardCore", .product(name: "Crypto", package: "swift-crypto")],
      swiftSettings: instrumented,
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]
    ),
  ]
)
