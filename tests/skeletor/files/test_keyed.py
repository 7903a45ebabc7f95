from pathlib import Path

from skeletor.files.keyed import is_current, keyed_folder


def test_the_cache_is_emptied_under_another_key(tmp_path: Path) -> None:
    folder = keyed_folder(tmp_path / "clips", "a")
    (folder / "x").touch()
    assert (keyed_folder(folder, "a") / "x").exists() and not (keyed_folder(folder, "b") / "x").exists()
    assert is_current(folder, "b") and not is_current(folder, "a") and not is_current(tmp_path / "none", "b")
