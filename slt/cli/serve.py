"""`slt serve`: the page in a browser."""

from __future__ import annotations

import argparse
import importlib.util
import logging
import re
from pathlib import Path

from skeletor.support.command import Parser
from skeletor.support.errors import InputError, MissingDependency
from skeletor.support.progress import log_to, tell
from slt.serve.limits import Limits

PACKAGES = ("starlette", "uvicorn")
_LIMITS = Limits()
_DEVICE = re.compile(r"auto|cpu|cuda(:[0-9]{1,3})?")  # whether there is a GPU the worker processes say
_MOST = 64  # processes: each has a thread of the server, and models of its own in memory


def main(command: str, argv: list[str], text: str) -> int:
    """Serve until Ctrl-C. Raises InputError if the model or the address cannot be used, or packages are missing."""
    args = make_parser(command, text).parse_args(argv)
    check_packages()
    from skeletor.support.config import check_config
    from slt.inference.chain import SHIPPED, model_folder
    from slt.inference.model_files import check_files, read_model_config
    from slt.serve.app import About
    from slt.serve.server import is_local, serve

    log_to(level=logging.WARNING)
    values = {"megabytes": args.max_mb, "seconds": args.max_seconds, "waiting": args.max_waiting,
              "minutes": args.max_minutes, "keep": args.keep_minutes}  # fmt: skip
    limits = check_config(values, Limits, f"slt {command}")
    if not 1 <= args.workers <= _MOST:
        raise InputError(f"--workers {args.workers}: give a number of processes from 1 to {_MOST}")
    folder = model_folder(args.model).absolute()
    check_files(folder, read_model_config(folder)["files"])  # a wrong folder is told now, not at the first upload
    if not _DEVICE.fullmatch(args.device):
        raise InputError(f"--device {args.device}: give auto, cpu, cuda or cuda:N")
    local = is_local(args.host)
    if not local:
        tell(f"slt: warning: {args.host} can be reached from outside: everybody there can send videos, unencrypted; "
             "put a web server with HTTPS and a password before it")  # fmt: skip
    about = About(rendered=folder == SHIPPED.absolute(), local=local)
    serve(args.host, args.port, limits, about, folder, args.device, args.allow_host, args.workers)
    return 0


def check_packages() -> None:
    """Raises MissingDependency, one line, if what the server is made with is not installed."""
    missing = [package for package in PACKAGES if importlib.util.find_spec(package) is None]
    if missing:
        raise MissingDependency(
            f"slt serve needs {' and '.join(missing)}: `make setup`, `uv sync --extra serve`, "
            f"or pip install {' '.join(missing)}"
        )


def make_parser(command: str, text: str = "") -> argparse.ArgumentParser:
    """The parser of `slt serve`; every default that the help names is the real one."""
    parser = Parser(f"slt {command}", description=text)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen at; default: %(default)s, this machine alone")
    add("--port", type=_port, default=8000, help="default: %(default)s; 0: any free one")
    add("--model", type=Path, help="model folder, as of `slt translate`")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N; default: %(default)s, a GPU if there is one")
    about = "processes, each of which works on one recording at a time and takes about 1 GB; default: %(default)s"
    add("--workers", type=int, default=1, help=about)
    add("--max-mb", type=int, default=_LIMITS.megabytes, help="megabytes of an upload; default: %(default)s")
    add("--max-seconds", type=float, default=_LIMITS.seconds, help="length of a recording; default: %(default)s")
    add("--max-waiting", type=int, default=_LIMITS.waiting, help="recordings in the queue; default: %(default)s")
    add("--max-minutes", type=float, default=_LIMITS.minutes, help="of work on a recording; default: %(default)s")
    about = "until results are deleted; default: %(default)s; what was sent is deleted as soon as it was read"
    add("--keep-minutes", type=float, default=_LIMITS.keep, help=about)
    about = "a name of this server that browsers may use, beside its address and localhost; may be repeated"
    add("--allow-host", metavar="NAME", action="append", default=[], help=about)
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a whole number from 0 to 65535")
    return int(text)
