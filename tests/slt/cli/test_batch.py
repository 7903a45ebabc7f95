from pathlib import Path

import pytest

from skeletor.errors import InputError, NothingToTranslate
from slt.cli.batch import for_each


@pytest.mark.parametrize(
    ("errors", "code"),
    [({}, 0), ({"a": NothingToTranslate("x")}, 3), ({"a": NothingToTranslate("x"), "b": InputError("y")}, 2)],
)
def test_a_bad_file_is_listed_and_does_not_stop_the_others(capsys, errors, code):
    seen = []

    def work(path: Path) -> None:
        seen.append(path.name)
        if path.name in errors:
            raise errors[path.name]

    assert for_each([Path("a"), Path("b"), Path("c")], work, "test") == code
    assert seen == ["a", "b", "c"]
    listed = capsys.readouterr().err
    for name in errors:
        assert f"{name}: " in listed
    assert ("1 of 3 not translated" in listed) == ("a" in errors)
    assert ("1 of 3 files failed" in listed) == ("b" in errors)


def test_what_was_not_translated_is_not_called_failed(capsys):
    outcomes = {"a": NothingToTranslate("nobody signs"), "b": InputError("broken"), "c": NothingToTranslate("too long")}

    def work(path: Path) -> None:
        if path.name in outcomes:
            raise outcomes[path.name]

    assert for_each([Path(name) for name in "abcd"], work, "test") == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-2:] == ["1 of 4 files failed", "2 of 4 not translated"]
    del outcomes["b"]
    assert for_each([Path(name) for name in "ac"], work, "test") == 3
    assert capsys.readouterr().err.splitlines()[-1] == "2 of 2 not translated"
