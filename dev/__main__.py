"""The command line: `python3 -m dev VERB …`."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - whoever runs an old one should read this, not a SyntaxError
    sys.exit("Python 3.11 or newer is needed: apt-get install python3, or set PYTHON=… for make")

from dev.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
