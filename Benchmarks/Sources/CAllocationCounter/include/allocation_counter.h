// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

#ifndef TOKENWARD_ALLOCATION_COUNTER_H
#define TOKENWARD_ALLOCATION_COUNTER_H

#include <stdint.h>

/// Heap allocations of the calling thread since it started; always 0 where the C library's
/// allocator cannot be wrapped (anything but glibc).
uint64_t tokenward_allocation_count(void);

#endif
