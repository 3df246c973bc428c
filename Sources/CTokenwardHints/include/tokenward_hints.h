// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

#ifndef TOKENWARD_HINTS_H
#define TOKENWARD_HINTS_H

/// Has the processor fetch memory that is going to be read, without waiting for it. A hint: any
/// address will do, also one that nothing is at.
/// - lines: how many cache lines of 64 bytes from there on.
static inline void tokenward_prefetch(const void *address, int lines) {
  for (int line = 0; line < lines; line++) {
    __builtin_prefetch((const char *)address + 64 * line, 0, 3);
  }
}

#endif
