"""Plans of shards: each input in one shard, read alone; another plan in the same folder is refused."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.support.errors import InputError
from slt.shards.plan import Plan, read_plan, write_plan

NAMES = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\n\0/"), min_size=1, max_size=12)


def plan(folder: Path, inputs: list[Path], size: int = 2, stage: str = "lift", code: str = "c") -> Plan:
    return write_plan(folder, stage, {"lift": "fast"}, inputs, size, lambda: code)


@settings(max_examples=30, deadline=None)
@given(st.lists(NAMES.filter(lambda name: name.strip(".") != ""), min_size=1, max_size=20), st.integers(1, 7))
def test_every_input_is_in_one_shard_in_its_order(names: list[str], size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        inputs = [Path("/data") / name for name in names]
        made = plan(Path(folder), inputs, size)
        assert read_plan(Path(folder)) == made and made.shards == -(-len(names) // size)
        parts = [made.inputs_of(shard) for shard in range(made.shards)]
        assert [path for part in parts for path in part] == inputs
        assert all(len(part) == size for part in parts[:-1]) and 1 <= len(parts[-1]) <= size


def test_the_same_plan_may_be_written_again_and_another_not(tmp_path: Path) -> None:
    inputs = [Path("/a"), Path("/b"), Path("/c")]
    first = plan(tmp_path, inputs)
    assert plan(tmp_path, inputs) == first
    others = (
        lambda: plan(tmp_path, inputs[:2]),
        lambda: plan(tmp_path, inputs[::-1]),
        lambda: plan(tmp_path, inputs, size=3),
        lambda: plan(tmp_path, inputs, stage="refine"),
        lambda: plan(tmp_path, inputs, code="d"),
    )
    for other in others:
        with pytest.raises(InputError, match="holds another plan"):
            other()
        assert read_plan(tmp_path) == first and first.inputs_of(1) == [Path("/c")]


@pytest.mark.parametrize(
    ("inputs", "size", "line"),
    [([], 2, "no inputs"), ([Path("/a\nb")], 2, "line break"), ([Path("/a")], 0, "at least 1")],
)
def test_what_cannot_be_planned_is_one_line_and_leaves_nothing(
    tmp_path: Path, inputs: list[Path], size: int, line: str
) -> None:
    with pytest.raises(InputError, match=line):
        plan(tmp_path / "out", inputs, size)
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.parametrize("text", ["", "[]", '{"stage": "lift"}', "no"])
def test_a_damaged_plan_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(InputError, match="no plan of shards"):
        read_plan(tmp_path)
