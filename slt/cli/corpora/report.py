"""`slt report RUN`: the page of a finished run, again."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from skeletor.files.paths import output_path
from skeletor.support.command import Parser
from skeletor.support.errors import InputError
from skeletor.support.progress import log_to


def main(command: str, argv: list[str], text: str) -> int:
    """Write the page and print its path; gives exit code 0. Raises InputError if it is no finished run,
    or the page would not be called .html.
    """
    args = make_parser(command, text).parse_args(argv)
    if args.output is not None and args.output.suffix.lower() not in (".html", ".htm"):  # it may be a file of the run
        raise InputError(f"{args.output}: the page is HTML; give a name that ends with .html")

    from slt.report.page import write_report_page

    log_to(level=logging.WARNING)
    print(write_report_page(args.run, args.output))
    return 0


def make_parser(command: str, text: str = "") -> argparse.ArgumentParser:
    """The parser of `slt report`."""
    parser = Parser(f"slt {command}", description=text)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run, e.g. runs/demo")
    parser.add_argument(
        "-o", "--output", type=output_path, help="file for the page; default: report.html in that folder"
    )
    return parser
