import shutil

from slt.data.layout import Description
from slt.inference.chain import SHIPPED
from slt.pipeline.stages.model_folder import _whole, limits_of


def test_a_model_folder_that_was_damaged_since_is_not_whole(tmp_path):
    assert not _whole(tmp_path / "model")
    shutil.copytree(SHIPPED, tmp_path / "model")
    assert _whole(tmp_path / "model")
    for name in ("model.yaml", "translator.safetensors", "vocabulary.txt"):
        content = (tmp_path / "model" / name).read_bytes()
        (tmp_path / "model" / name).write_bytes(content[: len(content) // 2])
        assert not _whole(tmp_path / "model"), name
        (tmp_path / "model" / name).write_bytes(content)
    (tmp_path / "model" / "abstention.safetensors").unlink()
    assert not _whole(tmp_path / "model")


def test_a_model_card_names_the_limits_of_its_own_corpus():
    assert "invented signs" in limits_of(Description(kind="rendered"))
    assert limits_of(Description(kind="resynthesised")) == limits_of(Description(kind="rendered"))
    assert "weather" in limits_of(Description())
    own = limits_of(Description(kind="own"))
    assert "weather" not in own and "unknown to it" in own
