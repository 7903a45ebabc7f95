"""The one runner: every experiment is known by name and is checked before it begins; Makefile and pages call these."""

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from experiments import __main__ as runner
from experiments.__main__ import main, request_of
from experiments.catalogue import EXPERIMENTS, HERE, Experiment
from experiments.request import ROOT, Request
from skeletor.support.config import Config
from skeletor.support.errors import InputError

OPTIONS = runner.parser().parse_args([])
GIVEN = {
    "compare-rows": {"first": "a", "first_row": "raw", "second": "b", "second_row": "raw"},
    "run-page": {"config": "c"},
}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_shipped_config_is_valid_and_has_a_signature(name: str) -> None:
    one = EXPERIMENTS[name]
    request = replace(request_of(name, OPTIONS), changes=GIVEN.get(name, {}))
    config = one.load(request)
    assert len(one.signature(config)) == 24 and one.makes
    assert one.file is None or one.file.is_file()


def test_every_yaml_file_belongs_to_an_experiment() -> None:
    used = {one.file for one in EXPERIMENTS.values()}
    there = set(HERE.glob("*/*.yaml"))
    assert there - used == {HERE / "tables" / "models.yaml"}  # the networks of several tables


def test_the_list_names_all_and_their_pages_are_there(capsys: pytest.CaptureFixture) -> None:
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:]] == list(EXPERIMENTS)
    for one in EXPERIMENTS.values():
        for page in filter(None, one.page.split(", ")):
            assert (ROOT / page).exists()


@pytest.mark.parametrize("file", [ROOT / "Makefile", ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])
def test_commands_that_are_shown_name_experiments_that_there_are(file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace("\\\n", " ").replace("$(if $(RUN),", " ")
    for call in re.findall(r"(?:-m experiments|\$\(EXPERIMENT\)) ([^`;\n]*)", text):
        names = list(itertools.takewhile(lambda word: re.fullmatch(r"\w[\w-]*", word), call.split()))
        assert set(names) <= set(EXPERIMENTS) and (names or call.startswith("--list")), call
    assert not re.search(r"-m experiments\.", text)


def test_results_of_the_repository_have_their_experiment_or_run() -> None:
    runs = {"demo", "demo_seeds", "demo_shipped_seeds", "phoenix14t_resynth", "phoenix14t_resynth_ctc"}
    # compare-rows, transfer, gloss2text and real under other names; figures of options that are no more
    others = {
        "lifter_sentences",
        "transfer_resynth",
        "tried_and_lost",
        "real_network",
        "real_losses",
        "real_bends",
        "real_all",
        "recognition_raw_seeds",
        "real_own",
        "recognition_longer",
        "recognition_no_heads",
        "speed_dev",
        "readers_raw",
        "recognition_seeds",
    }
    for file in (ROOT / "experiments" / "results").glob("*.*"):
        assert file.suffix in (".md", ".json")
        assert file.stem.removesuffix("_config") in runs | others | set(EXPERIMENTS), file.name


class Tiny(Config):
    number: int = 1


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[Request, Tiny]]:
    """What two experiments, `tiny` and `broken`, were called with."""
    calls: list[tuple[Request, Tiny]] = []

    def broken(request: Request, config: Tiny) -> None:
        raise InputError("no data")

    def load(request: Request) -> Tiny:
        return request.load(Tiny)

    def make(request: Request, config: Tiny) -> None:
        calls.append((request, config))

    one = Experiment("a number", load, make, "tiny")
    monkeypatch.setitem(EXPERIMENTS, "tiny", one)
    monkeypatch.setitem(EXPERIMENTS, "broken", replace(one, make=broken))
    monkeypatch.setattr(Experiment, "signature", lambda self, config: config.digest())
    monkeypatch.chdir(tmp_path)
    return calls


def test_an_experiment_gets_what_was_asked_and_its_signature(made: list[tuple[Request, Tiny]]) -> None:
    Path("runs/a b").mkdir(parents=True)
    assert main(["tiny", "--set", "number=3", "--run", "runs/a b", "--as", "other"]) == 0
    ((request, config),) = made
    assert config.number == 3 and request.name == "other" and request.work == Path("runs/tiny")
    assert request.command == "python -m experiments tiny --run 'runs/a b' --set number=3 --as other"
    about = request.about(config, 7)
    assert about["signature"] == Tiny(number=3).digest() and about["config"] == {"number": 3} and about["seed"] == 7
    assert json.dumps(about) and (Path("runs/tiny") / "log.txt").is_file()


def test_one_that_cannot_be_made_does_not_stop_the_others(
    made: list[tuple[Request, Tiny]], capsys: pytest.CaptureFixture
) -> None:
    assert main(["broken", "tiny"]) == 0 and len(made) == 1
    assert "broken left out: no data" in capsys.readouterr().err
    assert main(["broken"]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tiny", "nothing"], "no experiment 'nothing'"),
        (["tiny", "broken", "--set", "nummer=3"], "unknown key 'nummer'"),
        (["tiny", "--set", "number"], "expected KEY=VALUE"),
        (["tiny", "--quick"], "no quick form"),
        (["tiny", "--run", "nowhere"], "--run nowhere: no such folder; give that of a finished `slt run`"),
        (["tiny", "--as", "../mine"], "--as ../mine: no name of a result"),
        (["tiny", "--as", ""], "--as : no name of a result"),
    ],
)
def test_all_is_checked_before_anything_begins(
    arguments: list[str], message: str, made: list[tuple[Request, Tiny]], capsys: pytest.CaptureFixture
) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr().err.strip()
    assert message in said and "\n" not in said
    assert made == [] and not Path("runs").exists()


def test_rows_of_a_run_that_may_be_away_are_not_left_out_for_a_wrong_folder(
    made: list[tuple[Request, Tiny]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setitem(EXPERIMENTS, "tiny", replace(EXPERIMENTS["tiny"], without_run=True))
    assert main(["tiny", "--run", "nowhere"]) == 0 and len(made) == 1
    Path("wrong").mkdir()
    assert main(["tiny", "--run", "wrong"]) == 2 and len(made) == 1
    assert "--run wrong: no run lies in this folder" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["transfer", "chain"])
def test_a_folder_without_a_run_is_told_before_the_work(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """chain made all anew in its place, hours of work."""
    places = [f"--{place}={tmp_path / place}" for place in ("work", "results")]
    (tmp_path / "run").mkdir()
    assert main([name, f"--run={tmp_path / 'run'}", *places]) == 2
    left = [line for line in capsys.readouterr().err.splitlines() if "left out" in line]
    assert len(left) == 1 and f"{tmp_path / 'run'}: no " in left[0]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file() and path.name[0] != "."] == ["log.txt"]
