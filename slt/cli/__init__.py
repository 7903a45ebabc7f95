"""The `slt` command: one module a group of subcommands, imported only when it is called."""

from __future__ import annotations

import importlib
import os
import sys

# Small models on few cores: waiting threads must sleep, not spin (up to 20 times slower under load).
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# subcommand -> (module, one line of help)
COMMANDS = {
    "translate": ("slt.cli.translate", "translate videos (or files of poses) into a sentence"),
    "run": ("slt.cli.corpora.run", "run the whole pipeline of a config and print the table"),
    "report": (
        "slt.cli.corpora.report",
        "the page of a finished run: scores, learning curves, joints, best and worst clips",
    ),
    "poses": ("slt.cli.stages", "estimate 2D poses from videos"),
    "lift": ("slt.cli.stages", "lift 2D poses to 3D"),
    "refine": ("slt.cli.stages", "repair 3D poses"),
    "shards": ("slt.cli.corpora.shards", "a stage over a corpus of any size, in shards, here, on Slurm or on Ray"),
    "view": ("slt.cli.stages", "side-by-side video of picture, raw and refined skeleton; or a page to turn it in 3D"),
    "live": ("slt.cli.live", "read a camera or a growing stream while it is signed: grey text, then fixed"),
    "serve": ("slt.cli.serve", "a page in the browser: upload or webcam, skeletons in 3D, sentences, downloads"),
    "score": (
        "slt.cli.corpora.score",
        "BLEU-1..4, chrF, ROUGE of a hypothesis file, or of poses that are translated first",
    ),
    "data": ("slt.cli.corpora.data", "begin a data set of your own; check one: what is in it, what is missing"),
    "corpus": ("slt.cli.corpora.corpus", "render a corpus, or re-synthesise PHOENIX14T"),
    "sign2text": ("slt.cli.corpora.sign2text", "train the baseline that reads pixels, or translate with it"),
    "pretrain": ("slt.cli.corpora.pretrain", "train an encoder for the recogniser on poses without glosses"),
    "model": ("slt.cli.model", "share models: check, export, push to the Hugging Face Hub, pull from there"),
    "doctor": ("slt.cli.doctor", "what is installed, which estimators work, which device"),
}


def main(argv: list[str] | None = None) -> None:
    """Entry point.

    Raises SystemExit with 0, 1 (a defect), 2 (bad input), 3 (nothing to translate), or 128 + a signal.
    """
    from skeletor.support.command import run_command

    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    arguments = _named_by_paths([argument for argument in arguments if argument != "--debug"])
    sys.exit(run_command(lambda: _dispatch(arguments), "slt", debug))


def _named_by_paths(argv: list[str]) -> list[str]:
    """Without `--`: what stands behind it and begins with `-` is a file of that name, and gets the path "./-...".

    argparse loses the mark where options and inputs may stand in any order.
    """
    if "--" not in argv:
        return argv
    mark = argv.index("--")
    return argv[:mark] + [f"./{name}" if name.startswith("-") and name != "-" else name for name in argv[mark + 1 :]]


def _dispatch(argv: list[str]) -> int:
    from skeletor.support.command import Parser

    parser = Parser("slt", description="From a video of someone signing to a written sentence.")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", nargs="?")
    lines = "\n".join(f"  {name:10} {text}" for name, (_, text) in COMMANDS.items())
    parser.usage = (
        f"slt COMMAND [options]\n\ncommands:\n{lines}\n\n"
        "`slt COMMAND --help` tells the options of each; --debug adds the traceback of an error; "
        "--version prints the version"
    )
    if not argv or argv[0] in ("-h", "--help"):
        parser.print_usage()
        return 0
    if argv[0] == "--version":
        from skeletor.support.version import version

        print(f"slt {version()}")
        return 0
    if argv[0] not in COMMANDS:
        print(f"slt: unknown command {argv[0]!r}; it is one of {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    module, text = COMMANDS[argv[0]]
    if argv[0] == "live":  # read when NumPy is loaded: its threads spin on the cores that find the joints
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    return int(importlib.import_module(module).main(argv[0], argv[1:], text))
