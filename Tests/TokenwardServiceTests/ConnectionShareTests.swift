// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardAuthorityAPI
import TokenwardTelemetry

@testable import TokenwardService

@Suite("The connections of the listeners of a process")
struct ConnectionShareTests {
  @Test(
    "together leave half of the descriptors free",
    arguments: [
      (1_024, 2, 256), (1_024, 1, 512), (1_048_576, 2, 4_096), (256, 2, 64), (0, 2, 1), (-1, 0, 1),
    ]
  )
  func share(descriptors: Int, listeners: Int, most: Int) {
    #expect(ConnectionShare.most(descriptors: descriptors, listeners: listeners) == most)
  }

  @Test("one address never has more than half of a listener's, and what is refused is counted")
  func address() {
    let registry = PrometheusRegistry()
    let admission = ConnectionShare.admission(
      "http",
      of: 2,
      mostPerAddress: 4_096,
      factory: registry
    )
    #expect(admission.mostPerAddress == admission.most / 2)
    #expect(
      ConnectionShare.admission("http", of: 2, mostPerAddress: 1, factory: registry).mostPerAddress
        == 1
    )
    let free = ConnectionShare.admission("http", of: 2, mostPerAddress: nil, factory: registry)
    #expect(free.mostPerAddress == free.most)
  }

  @Test("the limit of descriptors is the hard one from then on, and stays")
  func descriptors() {
    let limit = ProcessHygiene.raiseDescriptorLimit()
    #expect(limit >= 256)
    #expect(ProcessHygiene.raiseDescriptorLimit() == limit)
  }
}
