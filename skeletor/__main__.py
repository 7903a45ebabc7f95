"""`python -m skeletor`."""

import sys

from skeletor.cli import main

if __name__ == "__main__":  # worker processes import this module too
    sys.exit(main())
