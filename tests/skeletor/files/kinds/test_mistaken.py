"""What a file is that was taken for something else."""

from pathlib import Path

import pytest

from skeletor.files.kinds.mistaken import table_of_points
from skeletor.io.formats import read_pose
from skeletor.support.errors import InputError


@pytest.mark.parametrize("name", ["DLC.CSV", "pose-3d.csv", "a.parquet", "a.slp", "a.trc"])
def test_a_table_of_points_is_refused_with_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("scorer,DLC,DLC,DLC\nbodyparts,nose,nose,nose\ncoords,x,y,likelihood\n0,1,2,0.9\n")
    with pytest.raises(InputError, match=r"table of points .* numpy.save, in the order of a layout") as error:
        read_pose(tmp_path / name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["a.mp4", "a.npz", "a", "csv"])
def test_what_is_no_table(name: str) -> None:
    assert table_of_points(Path(name)) is None
