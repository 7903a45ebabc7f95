"""The 2D refiner `port`: its options. How it is fitted needs torch, which a config does not."""

from __future__ import annotations

from typing import Literal

from skeletor.refiners2d.base import FittedOptions, Fitting
from skeletor.refiners2d.port.config import PortConfig
from skeletor.refiners2d.weights import register_fitted


class PortOptions(FittedOptions):
    """Options of `port`. port: of the network, which corrects the Gaussian estimate."""

    name: Literal["port"] = "port"
    port: PortConfig = PortConfig()


@register_fitted(PortOptions, "PORT, a network that corrects the Gaussian estimate")
def port_fitting(options: PortOptions) -> Fitting:
    """How `port` is fitted."""
    from skeletor.refiners2d.port.fitting import PortFitting

    return PortFitting(options.port)
