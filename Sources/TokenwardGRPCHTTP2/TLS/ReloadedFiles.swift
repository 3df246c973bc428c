// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Logging
internal import ServiceLifecycle
internal import Synchronization
internal import TokenwardCore

/// A value made of files, and made again when they change.
///
/// New content replaces the old as a whole and only if everything about it is right; otherwise the
/// last good value stays and the problem is reported. A reader never waits for a file.
final class ReloadedFiles<Value: Sendable>: Sendable {
  /// What was made of the files.
  struct Loaded: Sendable {
    let value: Value
    let notAfter: UnixTime
  }

  private struct State {
    var loaded: Loaded
    /// The state of the files that `loaded` was made of.
    var versions: [FileVersion?]
    var lastSuccess: UnixTime
    var problem: ConfigurationError.Problem?
    var reloads = 0
  }

  private let paths: [String]
  private let settings: ReloadSettings
  private let load: @Sendable (UnixTime) throws(ConfigurationError) -> Loaded
  private let state: Mutex<State>
  /// Held while files are read, so that an older reading cannot replace a newer one.
  private let reading = Mutex(())

  /// - Parameters:
  ///   - paths: the files that `load` reads.
  ///   - settings: when to look, and who is told.
  ///   - load: reads the files; the time is that of the attempt.
  /// - Throws: `ConfigurationError` if the files are not usable: there is no last good value yet.
  init(
    paths: [String],
    settings: ReloadSettings,
    load: @escaping @Sendable (UnixTime) throws(ConfigurationError) -> Loaded
  ) throws(ConfigurationError) {
    try settings.validate()
    let (loaded, versions, now) = try Self.read(paths, at: settings.time, load)
    self.paths = paths
    self.settings = settings
    self.load = load
    self.state = Mutex(State(loaded: loaded, versions: versions, lastSuccess: now))
  }

  /// The last good value.
  var value: Value { self.state.withLock { $0.loaded.value } }

  var status: TLSFileStatus {
    self.state.withLock { state in
      TLSFileStatus(
        lastSuccess: state.lastSuccess,
        problem: state.problem,
        notAfter: state.loaded.notAfter,
        reloads: state.reloads
      )
    }
  }

  /// Looks at the files at each interval until the task is cancelled or told to shut down.
  func run() async {
    await cancelWhenGracefulShutdown {
      while true {
        guard (try? await self.settings.pause(self.settings.interval)) != nil,
          !Task.isCancelled
        else { return }
        self.poll()
      }
    }
  }

  /// Reads the files if they are not those that are in use.
  func poll() {
    let versions = self.paths.map { FileVersion(path: $0) }
    let isUnchanged = self.state.withLock { state in
      // A file that was just written may have been written again with the same dates.
      state.problem == nil && state.versions == versions
        && versions.allSatisfy { $0?.isSettled(for: self.settings.settling) == true }
    }
    guard isUnchanged, let now = self.settings.time.now()?.unix else {
      self.reload()
      return
    }
    self.state.withLock { $0.lastSuccess = now }
  }

  /// Reads the files.
  @discardableResult
  func reload() -> Bool {
    self.reading.withLock { _ in
      do throws(ConfigurationError) {
        let (loaded, versions, now) = try Self.read(self.paths, at: self.settings.time, self.load)
        self.accept(loaded, versions, at: now)
        return true
      } catch {
        self.report(error)
        return false
      }
    }
  }

  private func accept(_ loaded: Loaded, _ versions: [FileVersion?], at now: UnixTime) {
    let isNew = self.state.withLock { state in
      let isNew = state.versions != versions
      state.loaded = loaded
      state.versions = versions
      state.lastSuccess = now
      state.problem = nil
      state.reloads += isNew ? 1 : 0
      return isNew
    }
    guard isNew else { return }
    self.settings.logger.info(
      "TLS files were read again",
      metadata: [
        "files": .array(self.paths.map { .string($0) }), "not_after": "\(loaded.notAfter)",
      ]
    )
  }

  private func report(_ error: ConfigurationError) {
    guard let problem = error.problems.first else { return }
    let isNew = self.state.withLock { state in
      let isNew = state.problem != problem
      state.problem = problem
      return isNew
    }
    // Once for each problem: the files are looked at again and again.
    guard isNew else { return }
    self.settings.logger.warning(
      "TLS files are not usable; the last good ones stay in use",
      metadata: ["path": "\(problem.path)", "problem": "\(problem.problem)"]
    )
  }

  private static func read(
    _ paths: [String],
    at time: any TimeSource,
    _ load: (UnixTime) throws(ConfigurationError) -> Loaded
  ) throws(ConfigurationError) -> (Loaded, [FileVersion?], UnixTime) {
    guard let now = time.now()?.unix else {
      throw ConfigurationError(
        path: "tls",
        problem: "the clock cannot be read, so nothing can be said about dates",
        hint: "set the clock of this machine"
      )
    }
    // Files that change while they are read may be parts of two states.
    for _ in 0 ..< 3 {
      let before = paths.map { FileVersion(path: $0) }
      let result = Result { () throws(ConfigurationError) -> Loaded in try load(now) }
      guard before == paths.map({ FileVersion(path: $0) }) else { continue }
      return (try result.get(), before, now)
    }
    throw ConfigurationError(
      path: "tls",
      problem: "\(paths.joined(separator: " and ")) keep changing while they are read",
      hint: "write new files beside them and rename them over the old ones"
    )
  }
}
