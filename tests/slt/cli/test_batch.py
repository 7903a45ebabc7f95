from pathlib import Path

import pytest

from skeletor.errors import InputError
from slt.cli.batch import output_names


def test_two_inputs_of_one_name_do_not_overwrite_each_other(tmp_path):
    with pytest.raises(InputError, match="same name"):
        output_names([Path("x/a.mp4"), Path("y/a.mp4")], tmp_path, ".txt")
