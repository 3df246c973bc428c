// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// A JSON object as text, member by member: names may repeat, values may be anything, because most
/// attacks are objects that no encoder would write.
public struct RawObject: Sendable {
  /// Names, unquoted and written as they are, with the JSON text of their values.
  public private(set) var members: [(name: String, value: String)]

  /// - Parameter members: names with the JSON text of their values, in order.
  public init(_ members: [(name: String, value: String)] = []) { self.members = members }

  /// The same object with one member replaced, or added at the end if there is none.
  public func setting(_ name: String, _ value: String) -> RawObject {
    var members = self.members
    if let index = members.firstIndex(where: { $0.name.utf8.elementsEqual(name.utf8) }) {
      members[index].value = value
    } else {
      members.append((name, value))
    }
    return RawObject(members)
  }

  /// The same object with one member whose value is a string, quoted and escaped here.
  public func setting(_ name: String, string value: String) -> RawObject {
    self.setting(name, Self.quoted(value))
  }

  /// The same object without the member.
  public func removing(_ name: String) -> RawObject {
    RawObject(self.members.filter { !$0.name.utf8.elementsEqual(name.utf8) })
  }

  /// The same object with one more member at the end, even if the name is taken.
  public func appending(_ name: String, _ value: String) -> RawObject {
    RawObject(self.members + [(name, value)])
  }

  /// The same object with one more member in front, even if the name is taken.
  public func prepending(_ name: String, _ value: String) -> RawObject {
    RawObject([(name, value)] + self.members)
  }

  /// The object as JSON text.
  public var text: String {
    "{" + self.members.map { "\"\($0.name)\":\($0.value)" }.joined(separator: ",") + "}"
  }

  /// A JSON string with everything escaped that has to be.
  public static func quoted(_ string: String) -> String {
    var text = ""
    JSONText.append(quoted: string, to: &text)
    return text
  }
}
