/* Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0. */

#ifndef TOKENWARD_ERASING_ALLOCATOR_H
#define TOKENWARD_ERASING_ALLOCATOR_H

/* Nothing to call: a program that links this target erases what it frees. */

#endif
