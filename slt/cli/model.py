"""`slt model check`, `export`, `push` and `pull`: models of others, and one's own for others."""

from __future__ import annotations

import argparse
from pathlib import Path

from skeletor.files.paths import output_path
from skeletor.support.command import Parser
from skeletor.support.errors import InputError

_CHECK = "look through a model folder: names, hashes, pickles, links, card, weights; exit code 2 if it is not sound"
_EXPORT = "write a model folder that is a repository of the Hugging Face Hub: its files and README.md"
_PUSH = "send an exported model folder to the Hub, in one commit"
_PULL = "fetch a model of the Hub at one commit, and check it before anything of it is loaded"


def main(command: str, argv: list[str], text: str) -> int:
    """Run one of the actions; gives exit code 0, or 2 if a check found faults.

    Raises InputError as the action does, see `slt.sharing`.
    """
    args = make_parser(command, text).parse_args(argv)
    actions = {"check": _check, "export": _export, "push": _push, "pull": _pull}
    return actions[args.action](args)


def make_parser(command: str, text: str = "") -> argparse.ArgumentParser:
    """The parser of `slt model`; every default that the help names is the real one."""
    parser = Parser(f"slt {command}", description=text)
    actions = parser.add_subparsers(dest="action", required=True)

    one = actions.add_parser("check", help=_CHECK, description=_CHECK)
    one.add_argument("folder", type=Path, help="model folder")

    one = actions.add_parser("export", help=_EXPORT, description=_EXPORT)
    one.add_argument("folder", type=Path, help="model folder, as `slt run` writes it")
    one.add_argument("-o", "--output", type=output_path, required=True, metavar="DIR", help="the folder to be written")
    codes = "ISO 639 codes of the sign language and the text, e.g. gsg,de; default: what the model says"
    one.add_argument("--language", metavar="CODES", help=codes)
    one.add_argument("--licence", metavar="NAME", help="of the model, e.g. CC-BY-4.0; default: what the model says")
    one.add_argument("--dataset", metavar="NAME", help="of the data; default: what the model says")
    one.add_argument("--title", help="of the model; default: what the model says")

    one = actions.add_parser("push", help=_PUSH, description=_PUSH)
    one.add_argument("folder", type=Path, help="model folder, as `slt model export` writes it")
    one.add_argument("repo", metavar="OWNER/NAME", help="the repository; made if there is none")
    one.add_argument("--public", action="store_true", help="a new repository is seen by all; default: by you alone")
    one.add_argument("--message", default="", help="of the commit")
    _add_endpoint(one)

    one = actions.add_parser("pull", help=_PULL, description=_PULL)
    one.add_argument("repo", metavar="OWNER/NAME", help="the repository")
    one.add_argument("-o", "--output", type=output_path, required=True, metavar="DIR", help="the folder to be written")
    one.add_argument("--revision", default="main", help="branch, tag or commit; default: %(default)s")
    _add_endpoint(one)
    return parser


def _add_endpoint(parser: argparse.ArgumentParser) -> None:
    about = "address of the Hub; default: that of huggingface_hub (HF_ENDPOINT, or the public one)"
    parser.add_argument("--endpoint", metavar="URL", help=about)


def _check(args: argparse.Namespace) -> int:
    from slt.sharing.check import check_model

    found = check_model(args.folder)
    for fault in found.faults:
        print(f"{args.folder}: {fault}")
    if found.faults:
        return InputError.exit_code
    header = found.header
    print(f"{args.folder}: sound: {found.files} files, {found.bytes:,} bytes, weights load")
    print(f"  languages: {header['language']}, licence: {header['license']}, data: {header['datasets']}")
    return 0


def _export(args: argparse.Namespace) -> int:
    from slt.sharing.export import export_model

    languages = tuple(code.strip() for code in args.language.split(",")) if args.language else ()
    out = export_model(args.folder, args.output, languages, args.licence or "", args.dataset or "", args.title or "")
    print(f"{out}: written; read {out / 'README.md'}, then: slt model push {out} OWNER/NAME")
    return 0


def _push(args: argparse.Namespace) -> int:
    from slt.sharing.hub import push_model

    place = push_model(args.folder, args.repo, args.endpoint, args.public, args.message)
    print(f"{place.repo}: sent, commit {place.revision}")
    print(f"  slt model pull {place.repo} --revision {place.revision} -o DIR")
    return 0


def _pull(args: argparse.Namespace) -> int:
    from slt.sharing.hub import pull_model

    place, found = pull_model(args.repo, args.output, args.revision, args.endpoint)
    print(f"{args.output}: {place.repo}, commit {place.revision}, {found.files} files, {found.bytes:,} bytes, sound")
    print(f"  slt translate VIDEO --model {args.output}")
    return 0
