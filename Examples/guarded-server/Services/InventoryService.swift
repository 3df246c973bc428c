// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ExampleProtos
internal import GRPCCore
internal import SwiftProtobuf
internal import Synchronization

/// A second service: anyone may look at the stock, only some may change it.
final class InventoryService: Tokenward_Example_V1_Inventory.SimpleServiceProtocol {
  /// Names of articles come from callers, so there is an end to how many are kept.
  static let mostArticles = 1_000
  private let quantities = Mutex(["tea": Int64(40), "coffee": 12])

  func getStock(
    request: Tokenward_Example_V1_GetStockRequest,
    context: ServerContext
  ) async throws -> Tokenward_Example_V1_Stock {
    let quantity = self.quantities.withLock { $0[request.article] }
    guard let quantity else { throw Self.unknownArticle }
    return Self.stock(of: request.article, quantity)
  }

  func adjust(
    request: Tokenward_Example_V1_AdjustRequest,
    context: ServerContext
  ) async throws -> Tokenward_Example_V1_Stock {
    guard (1 ... 64).contains(request.article.utf8.count) else { throw Self.unknownArticle }
    let quantity = try self.quantities.withLock { quantities in
      guard quantities[request.article] != nil || quantities.count < Self.mostArticles else {
        throw RPCError(code: .resourceExhausted, message: "there are too many articles")
      }
      // Both numbers come from callers: a sum that overflows would end the process.
      let (sum, overflows) = quantities[request.article, default: 0]
        .addingReportingOverflow(request.change)
      guard !overflows, sum >= 0 else {
        throw RPCError(code: .failedPrecondition, message: "there are not that many")
      }
      quantities[request.article] = sum
      return sum
    }
    return Self.stock(of: request.article, quantity)
  }

  private static let unknownArticle = RPCError(code: .notFound, message: "no such article")

  private static func stock(of article: String, _ quantity: Int64) -> Tokenward_Example_V1_Stock {
    .with { stock in
      stock.article = article
      stock.quantity = quantity
    }
  }
}
