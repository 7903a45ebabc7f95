"""`slt score --hyp FILE --ref FILE`."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path


def main(command: str, argv: list[str], text: str) -> int:
    """Print the scores of a hypothesis file, one sentence a line."""
    parser = argparse.ArgumentParser(f"slt {command}", description=text)
    parser.add_argument("--hyp", type=Path, required=True, help="hypotheses, one sentence a line")
    parser.add_argument("--ref", type=Path, required=True, help="references, one sentence a line")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)

    from slt.score import score_files

    scores = score_files(args.hyp, args.ref, args.seed)
    if args.json:
        print(json.dumps(dataclasses.asdict(scores), indent=1))
    else:
        print(scores.lines())
    return 0
