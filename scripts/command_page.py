"""docs/commands.md: every command with its options, from the parsers themselves.

python -m scripts.command_page          # writes the page
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterator
from pathlib import Path

import skeletor.cli
import slt.cli
import slt.cli.stages

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
_HEAD = """# Commands

Made from the programs themselves (`make docs`). What holds for all commands is told in
[Inputs, results and exit codes](command_line.md). Every command also takes `--help` and `--debug` (the traceback of an
error); `slt --version` and `skeletor --version` print the version.
"""


def parsers() -> Iterator[tuple[argparse.ArgumentParser, str]]:
    """Each command's parser and what it does, in the order of the page."""
    for name, (module, text) in slt.cli.COMMANDS.items():
        yield from _with_parts(importlib.import_module(module).make_parser(name, text), text)
        if name == "lift":
            train = slt.cli.stages.make_train_parser()
            yield train, train.description or ""
    yield from _with_parts(skeletor.cli.make_parser(), "")


def _with_parts(parser: argparse.ArgumentParser, text: str) -> Iterator[tuple[argparse.ArgumentParser, str]]:
    """The parser; or those of its subcommands in its place."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield parser, text
    for group in groups:
        told = {choice.dest: choice.help or "" for choice in group._choices_actions}
        for name, one in group.choices.items():
            yield from _with_parts(one, told.get(name, ""))


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_section(parser, text) for parser, text in parsers())])


def _section(parser: argparse.ArgumentParser, text: str) -> str:
    actions = [action for action in parser._actions if not isinstance(action, argparse._HelpAction)]
    named = [action for action in actions if not action.option_strings]
    required = [f"{action.option_strings[-1]} {_value(action)}" for action in actions if _is_required_option(action)]
    optional = len(actions) > len(named) + len(required)
    usage = " ".join([parser.prog, *(_usage(a) for a in named), *required, *(["[options]"] if optional else [])])
    lines = [f"## {parser.prog}", "", f"{text[:1].upper()}{text[1:].rstrip('.')}.", "", "```", usage, "```", ""]
    if actions:
        lines += ["| argument | meaning |", "| --- | --- |", *(_row(action) for action in actions), ""]
    return "\n".join(lines)


def _is_required_option(action: argparse.Action) -> bool:
    return bool(action.option_strings) and action.required


def _usage(action: argparse.Action) -> str:
    """A named argument as in a usage line."""
    name = _value(action)
    return f"{name} [{name} ...]" if action.nargs == "+" else name


def _value(action: argparse.Action) -> str:
    """What stands for the value of an argument."""
    return str(action.metavar or action.dest.upper().replace("_", "-"))


def _row(action: argparse.Action) -> str:
    takes_value = action.nargs != 0
    shown = action.option_strings or [_value(action)]
    if action.option_strings and takes_value:
        shown = [*shown[:-1], f"{shown[-1]} {_value(action)}"]
    name = ", ".join(f"`{part}`" for part in shown)
    text = " ".join(((action.help or "") % {"default": action.default}).split())
    if action.choices is not None:
        text += f"; one of {', '.join(f'`{choice}`' for choice in action.choices)}"
    return f"| {name} | {text.replace('|', chr(92) + '|')} |"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
