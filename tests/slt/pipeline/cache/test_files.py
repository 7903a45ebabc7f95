import pytest

from skeletor.learning.checkpoint import checkpoint_path
from slt.pipeline.cache.files import damage, note_files


def folder_of(root, **sizes):
    for name, size in sizes.items():
        (root / name).write_bytes(bytes(range(256)) * (size // 256))
    return root


def test_what_came_later_and_what_is_hidden_is_no_damage(tmp_path):
    noted = note_files(folder_of(tmp_path, a=512, b=256), besides="b")
    (tmp_path / "b").write_text("another")
    (tmp_path / "later").write_text("x")
    (tmp_path / ".a.1.tmp").write_text("x")
    assert damage(tmp_path, noted) is None


def test_checkpoints_of_a_training_that_has_ended_may_go(tmp_path):
    passing = [checkpoint_path(tmp_path, "refiner"), tmp_path / "checkpoints" / "20.ckpt"]
    passing[1].parent.mkdir()
    for path in (*passing, tmp_path / "weights", passing[1].with_name("validations.txt")):
        path.write_text("x")
    noted = note_files(tmp_path, besides="")
    for path in passing:
        path.unlink()
    assert damage(tmp_path, noted) is None
    passing[1].with_name("validations.txt").unlink()  # the report shows it
    assert damage(tmp_path, noted) == "checkpoints/validations.txt is gone"


@pytest.mark.parametrize("at", [0, 1_500_000, 2_999_999])
def test_of_more_than_the_volume_begin_middle_end_and_size_count(tmp_path, at):
    noted = note_files(folder_of(tmp_path, a=3_000_064, b=256), besides="", volume=200_000)
    data = bytearray((tmp_path / "a").read_bytes())
    data[at] ^= 1
    (tmp_path / "a").write_bytes(data)
    assert damage(tmp_path, noted) == "a has changed"
    (tmp_path / "a").write_bytes(data[:-1])
    (tmp_path / "b").unlink()
    assert damage(tmp_path, noted) == "a has changed (and 1 more)"


def test_a_large_file_among_small_ones_counts_in_full_below_the_volume(tmp_path):
    noted = note_files(folder_of(tmp_path, a=900_096, b=256, c=256), besides="", volume=1_000_000)
    data = bytearray((tmp_path / "a").read_bytes())
    data[200_000] ^= 1
    (tmp_path / "a").write_bytes(data)
    assert damage(tmp_path, noted) == "a has changed"


def test_its_list_must_be_what_was_written(tmp_path):
    noted = note_files(folder_of(tmp_path, a=256), besides="")
    (tmp_path / "files.json").write_text("{}")
    assert "files.json has changed" in damage(tmp_path, noted)


def test_a_link_that_leads_nowhere_is_as_it_was(tmp_path):
    (folder_of(tmp_path, a=256) / "link").symlink_to("nowhere")
    assert damage(tmp_path, note_files(tmp_path, besides="")) is None
