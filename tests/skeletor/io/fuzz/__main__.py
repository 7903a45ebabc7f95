"""`python -m tests.skeletor.io.fuzz`: see `attack`."""

import sys

from tests.skeletor.io.fuzz.attack import main

sys.exit(main(sys.argv[1:]))
