"""Results without the folders of the machine that made them."""

import string
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.portable import portable

ROOT = Path("/home/eve/house")
_NAMES = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=6).filter(lambda n: n.strip("."))
_PATHS = st.lists(_NAMES, min_size=2, max_size=4).map(lambda parts: "/" + "/".join(parts))


@pytest.mark.parametrize(("text", "wanted"), [
    ("/home/eve/house/slt/models/x", "slt/models/x"),
    ("m --run /home/eve/runs/a --set 'm=[/home/eve/house/b/c,/tmp/x.d/e]'", "m --run ../runs/a --set 'm=[b/c,e]'"),
    ("/tmp/a/b.npz\t/tmp/a/b.npz: ended", "b.npz\tb.npz: ended"),
    ("a clip (/tmp/a/b.mp4) ended", "a clip (b.mp4) ended"),
    ("weights:/home/eve/house/runs/w", "weights:runs/w"),
    ("m --run '/tmp/my runs/a b' --seed 1", "m --run 'a b' --seed 1"),
    ('{"run": "/tmp/my runs/a"}', '{"run": "a"}'),
    ("'/bin/sh -c runs/a'", "'sh -c runs/a'"),
])  # fmt: skip
def test_folders_go_and_what_is_below_the_root_stays(text: str, wanted: str) -> None:
    assert portable(text, ROOT) == wanted and portable({text: [text, 1, None]}, ROOT) == {wanted: [wanted, 1, None]}


@pytest.mark.parametrize(
    "text",
    ["and/or", "a / b", "x/y/z", "https://a.b/c/d", "../shared/data", "[page](/docs/x)", "/x", "1/2", "a: /"],
)
def test_what_is_no_absolute_path_stays(text: str) -> None:
    assert portable(text, ROOT) == text


def test_blanks_belong_to_a_root_and_to_a_file_that_is_there(tmp_path: Path) -> None:
    assert portable("of /home/my house/runs/a here", Path("/home/my house")) == "of runs/a here"
    file = tmp_path / "my runs" / "a b"
    file.parent.mkdir()
    file.touch()
    assert portable(f"{file}: ended", ROOT) == "a b: ended"
    assert portable(f"of {file} and {tmp_path}/c", ROOT) == "of a b and c"


def test_two_of_one_name_stay_two() -> None:
    runs = {"/tmp/one/demo": 1, "/tmp/two/demo": 2, "/tmp/two/other": 3, "demo": 4}
    assert portable(runs, ROOT) == {"one/demo": 1, "two/demo": 2, "other": 3, "demo": 4}
    assert portable(["/x/a", "/y/x/a"], ROOT) == ["x/a", "y/x/a"]


@given(st.lists(_PATHS, unique=True, max_size=6))
def test_names_are_ends_of_their_paths_and_stay_different(paths: list[str]) -> None:
    far = [path for path in paths if not PurePosixPath(path).is_relative_to("/home/eve")]
    names = portable(far, ROOT)
    assert len({PurePosixPath(path) for path in far}) == len(set(names))
    assert all(path.endswith(f"/{name}") for path, name in zip(far, names, strict=True))
    assert portable(names, ROOT) == names
