"""`python -m experiments.hardening`."""

from __future__ import annotations

import sys

from experiments.hardening.run import main

if __name__ == "__main__":
    sys.exit(main())
