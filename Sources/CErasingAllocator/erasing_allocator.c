/* Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

   Writes over memory when it is freed, in every program that links this target.

   A token that was shown once must not be found in the memory of the process afterwards: not by a
   core dump, a swap file or an over-read (CWE-528, CWE-226). Many layers hold such bytes for a moment,
   message codec, header table, buffers of the network and of TLS among them, and most belong to
   somebody else. What they have in common is `free`. It costs a few nanoseconds each time.

   Only with the GNU C library, whose names for the real functions are part of its interface; and not
   under a sanitizer, which has an allocator of its own. */

#define _GNU_SOURCE

#include "erasing_allocator.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TOKENWARD_SANITIZED 1
#endif
#endif

#if defined(__linux__) && !defined(TOKENWARD_SANITIZED)
#include <features.h>
#endif

#if defined(__GLIBC__) && !defined(TOKENWARD_SANITIZED)

#include <errno.h>
#include <malloc.h>
#include <string.h>

extern void __libc_free(void *memory);

void free(void *memory) {
  if (memory == NULL) return;
  int saved = errno;
  explicit_bzero(memory, malloc_usable_size(memory));
  __libc_free(memory);
  errno = saved;
}

void *realloc(void *memory, size_t size) {
  if (memory == NULL) return malloc(size);
  if (size == 0) {
    free(memory);
    return NULL;
  }
  size_t usable = malloc_usable_size(memory);
  /* What stays where it is loses nothing; a much smaller request gives memory back. */
  if (size <= usable && size >= usable / 2) return memory;
  void *moved = malloc(size);
  if (moved == NULL) return NULL;
  memcpy(moved, memory, usable < size ? usable : size);
  free(memory);
  return moved;
}

#endif
