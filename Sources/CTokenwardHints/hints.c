// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

#include "tokenward_hints.h"
