// Placeholder.
import SwiftProtobuf
