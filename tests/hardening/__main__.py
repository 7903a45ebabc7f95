"""What the system does with bad input, sudden ends and full disks: cases, and how many of them fail.

`python -m tests.hardening` (or `make hardening`) runs all suites; `suites/` has one module for each. Every case
is drawn from the seed: the same seed gives the same cases. Inputs of cases that fail stay in the work folder.
"""

from __future__ import annotations

import sys

from tests.hardening.run import main

if __name__ == "__main__":
    sys.exit(main())
