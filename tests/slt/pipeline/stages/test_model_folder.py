from slt.data.layout import Description
from slt.pipeline.stages.model_folder import limits_of


def test_a_model_card_names_the_limits_of_its_own_corpus():
    assert "invented signs" in limits_of(Description(kind="rendered"))
    assert limits_of(Description(kind="resynthesised")) == limits_of(Description(kind="rendered"))
    assert "weather" in limits_of(Description())
    own = limits_of(Description(kind="own"))
    assert "weather" not in own and "unknown to it" in own
