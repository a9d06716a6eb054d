# SPDX-License-Identifier: Apache-2.0
import sys

import first_bytes  # noqa: F401 (each registers its tests)
import harness
import http_front  # noqa: F401
import names  # noqa: F401
import process  # noqa: F401
import socks_front  # noqa: F401
import supervised  # noqa: F401
import tls  # noqa: F401
import tunnels  # noqa: F401

if __name__ == "__main__":
    harness.run(sys.argv[1])
