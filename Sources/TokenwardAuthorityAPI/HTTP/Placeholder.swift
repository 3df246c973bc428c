// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Hummingbird
internal import HummingbirdTLS
