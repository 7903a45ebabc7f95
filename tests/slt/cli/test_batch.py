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
