"""What comes with the package."""

from skeletor.learning.measured import read_noise
from skeletor.refiners.trained import SHIPPED, SHIPPED_NOISE
from skeletor.refiners.weights import load_refiner


def test_the_shipped_noise_is_what_the_shipped_weights_were_trained_with() -> None:
    noise = read_noise(SHIPPED_NOISE)
    assert load_refiner(SHIPPED).info.config["corruption"]["measured"] == noise.model_dump()
    assert sum(noise.hand_gaps) > 100
