"""`python -m rejoinder`: the same as the command `rejoinder`."""

import sys

from rejoinder.cli import main

if __name__ == "__main__":
    sys.exit(main())
