"""What the help and the messages say is what is done."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

import pytest

import slt.cli
from skeletor.cli import make_parser as skeletor_parser
from skeletor.lifters.learned_lifter import LearnedOptions
from skeletor.lifters.registry import LIFTERS
from skeletor.refiners.registry import REFINERS
from slt.cli import serve, stages, translate
from slt.cli.corpora import back_translate, corpus, data, pretrain, run, score, sign2text
from slt.estimators.registry import ESTIMATORS

ROOT = Path(__file__).parents[3]
STAGES = ("poses", "lift", "refine", "view")
_NO_DEFAULT = (None, False, argparse.SUPPRESS, [])


def parsers() -> dict[str, argparse.ArgumentParser]:
    found = {name: stages.make_parser(name) for name in STAGES}
    for module in (translate, run, score, data, corpus, sign2text, serve, pretrain):
        name = module.__name__.rpartition(".")[2]
        found[name] = module.make_parser(name)
    found["skeletor"] = skeletor_parser()
    for name, parser in list(found.items()):
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                found |= {f"{name} {sub}": one for sub, one in action.choices.items()}
    return found


@pytest.mark.parametrize("name", sorted(parsers()))
def test_each_default_stands_in_the_help_and_none_that_is_no_default(name):
    parser = parsers()[name]
    for action in parser._actions:
        if isinstance(action, (argparse._HelpAction, argparse._SubParsersAction)):
            continue
        assert action.help, f"{name} {action.dest}: no help"
        text = " ".join((action.help % {"default": action.default, "prog": name}).split())
        named = re.search(r"default: ([^;,)]+)", text)
        if action.default not in _NO_DEFAULT:
            assert named, f"{name} {action.dest}: does not tell its default {action.default!r}"
            told = named[1].split(" ")[0]
            assert told in (str(action.default), "one"), f"{name} {action.dest}: {told!r}, not {action.default!r}"
        assert "%" not in text


def test_the_defaults_of_single_stages_are_those_of_the_chain():
    assert LIFTERS.parse({}).mode == stages.LIFTER
    assert ESTIMATORS.parse({}).name == stages.ESTIMATOR
    assert REFINERS.parse({}).name == stages.REFINER
    for name in ("lift", "view"):
        assert "default: fast" in " ".join(stages.make_parser(name).format_help().split())
    lifting = stages.make_parser("lift").parse_args(["x"])
    sparse, chain = LearnedOptions(), LIFTERS.parse({})
    assert (lifting.lift, lifting.absent) == (chain.mode, chain.absent)
    assert (lifting.stride, lifting.upsample) == (sparse.stride, sparse.upsample)


def test_commands_that_take_frames_or_poses_take_their_rate_layout_and_clip():
    for name in ("poses", "lift", "refine", "view", "translate", "skeletor refine", "skeletor evaluate"):
        options = {option for action in parsers()[name]._actions for option in action.option_strings}
        assert {"--fps", "--skeleton", "--clip"} <= options, name
    options = {option for action in parsers()["score"]._actions for option in action.option_strings}
    assert {"--fps", "--skeleton"} <= options and back_translate


def test_commands_that_messages_name_exist():
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.M))
    known = parsers()
    for path in [*ROOT.glob("slt/**/*.py"), *ROOT.glob("skeletor/**/*.py")]:
        for text in re.findall(r"`((?:slt|skeletor|make) [^`\n]+)`", path.read_text(encoding="utf-8")):
            program, word, *rest = text.replace("{", " ").split()
            if program == "make":
                assert word in targets, f"{path}: {text}"
                continue
            if word == "COMMAND":
                continue
            assert word in slt.cli.COMMANDS if program == "slt" else f"skeletor {word}" in known, f"{path}: {text}"
            name = f"{word} {rest[0]}" if rest and f"{word} {rest[0]}" in known else word
            options = [w for w in rest if w.startswith("--")]
            parser = known.get(name if program == "slt" else f"skeletor {word}")
            have = {o for action in parser._actions for o in action.option_strings} if parser else set()
            assert not parser or set(options) <= have, f"{path}: {text}"


@pytest.mark.parametrize(("module", "text"), [("slt", "commands:"), ("skeletor", "COMMAND")])
def test_python_m(module, text):
    done = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and text in done.stdout + done.stderr
