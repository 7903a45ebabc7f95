"""`python -m experiments abstention_people`: which signal refused whom."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.people.clips import read_people
from experiments.people.config import SetConfig
from experiments.people.refusals import UNKNOWN, Clip, beyond_limits, counts, judged, named_signal, table_of
from skeletor.support.config import read_yaml_file
from slt.inference.chain import load_chain, shipped_model
from slt.translate.abstain import Abstention, Limits
from slt.translate.signals import SIGNALS, Reference
from tests.experiments.people.made import save_people

SHARED = Path(__file__).parents[4] / "shared" / "data"
YAML = Path(__file__).parents[3] / "experiments" / "people" / "abstention_people.yaml"
needs_model = pytest.mark.skipif(shipped_model() is None, reason="no model comes with this copy")
NOBODY = Abstention(
    Limits({name: 1.0 for name in SIGNALS}, {name: (0.0, 1.0) for name in SIGNALS}),
    0.03, 5, Reference(np.zeros(1), np.zeros((1, 1)), np.zeros((1, 1))),
)  # fmt: skip


@pytest.mark.parametrize("name", SIGNALS)
def test_the_signal_of_a_refusal_is_told(name: str) -> None:
    bad = {other: 1.0 for other in SIGNALS} | {name: 1.0 + 0.5 * SIGNALS[name].sign}
    reason = NOBODY.reason(bad)
    assert reason is not None and named_signal(reason) == name
    assert beyond_limits(NOBODY, bad) == (name,)


def test_a_signal_that_is_no_number_is_a_reason_of_its_own() -> None:
    broken = {name: 1.0 for name in SIGNALS} | {"states": float("nan")}
    reason = NOBODY.reason(broken)
    assert reason is not None and named_signal(reason) == UNKNOWN
    assert beyond_limits(NOBODY, broken) == ("states",)


def test_refusals_are_counted_by_signal_with_and_without_length() -> None:
    found = counts([
        Clip("a", None, "states", ("short", "states"), True),
        Clip("a", None, "short", ("short",), True),
        Clip("b", None, "hands", ("hands",), False),
        Clip("b", "es regnet", None, (), True),
    ])  # fmt: skip
    assert (found["clips"], found["people"], found["refused"], found["refused without length"]) == (4, 2, 3, 2)
    assert found["named"] == {"hands": 1, "short": 1, "states": 1} and found["measured whole"] == 3
    assert found["beyond"] == {"hands": 1, "short": 2, "states": 1}
    assert found["sentences"] == [{"person": "b", "text": "es regnet"}]
    lines = table_of({"some": found}).splitlines()
    assert lines[2] == (
        "| recordings | clips | refused | length aside | measured whole | `hands` | `short` | `states` |"
    )
    assert lines[4] == "| some (2 signers) | 4 | 3 | 2 | 3 | 1 (1) | 1 (2) | 1 (1) |"


@needs_model
def test_from_files_to_the_table(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    save_people(tmp_path / "made.npz", people=2, clips=1)
    sets = f"sets=[{{name: made, file: '{tmp_path}/made.npz', person: who, size: [640, 480], fps: 25.0}}]"
    call = [
        "abstention_people", "--set", sets, "--work", str(tmp_path / "w"), "--results", str(tmp_path / "results"),
    ]  # fmt: skip
    assert main(call) == 0
    numbers = json.loads((tmp_path / "results" / "abstention_people.json").read_text())["numbers"]
    made = numbers["sets"]["made"]
    assert numbers["model"]["of"] == "the package" and made["clips"] == made["refused"] == 4
    assert sum(made["named"].values()) == 4 and made["beyond"]["short"] == made["measured whole"]
    (tmp_path / "made.npz").unlink()
    assert main(call) == 2 and "none is there" in capsys.readouterr().err


@needs_model
@pytest.mark.skipif(not (SHARED / "dgs").is_dir(), reason="../shared has no dgs here")
def test_continuous_signing_of_people_is_refused() -> None:
    values = read_yaml_file(YAML)["sets"][0] | {"file": str(SHARED / "dgs" / "dgs_2d.npz"), "every": 55}
    people = read_people(SetConfig.model_validate(values))
    found = counts(judged(load_chain(shipped_model(), device="cpu"), people))
    assert people.poses[0].fps == 50 and found["clips"] == found["refused"] == found["refused without length"] == 4
