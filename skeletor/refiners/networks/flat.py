"""Configs and headers of weights in which one list of options describes every network.

Their kind is `transformer`, or is not there, or they have options that their kind has not. What they describe is
`paper` or `skeletor`, by the values; the options are then dropped. Other networks cannot be built: their options were
tried and lost (docs/skeletor.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SKELETOR = {
    "norm": "pre", "confidence_input": True, "residual": True, "local": True, "taps": 9, "curve": True,
    "convolution": 9, "reference": "centroid", "prior": True, "regression": True, "gate": True,
    "positions": "relative", "reach": 0, "mask_token": False,
}  # fmt: skip
_OFF = {
    "taps": 0, "curve": False, "convolution": 0, "prior": False, "regression": False, "gate": False, "reach": 0,
    "mask_token": False,
}  # fmt: skip
_PAPER = {
    **_OFF, "norm": "post", "confidence_input": False, "residual": False, "local": False, "reference": "wrist",
    "positions": "absolute",
}  # fmt: skip
_TEMPORAL_MLP = {**_OFF, "norm": "pre", "heads": 4, "reference": "centroid", "positions": "relative"}
_VALUES: dict[str, dict[str, Any]] = {"skeletor": _SKELETOR, "paper": _PAPER, "temporal_mlp": _TEMPORAL_MLP}
_SIZES = {"d_model": 128, "d_ff": 512, "heads": 4, "layers": 4, "dropout": 0.0}
# What a header without an option means.
_IN_HEADERS = {**_OFF, "reference": "wrist", "positions": "absolute"}


def named_options(options: Any) -> Any:
    """Options of a config as their kind has them. ValueError for a network that cannot be built."""
    if not isinstance(options, Mapping):
        return options
    return _named(options, _SKELETOR, _SIZES)


def named_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The same for arguments of `build_network`, which have `carriers` for `local`."""
    given = dict(arguments)
    if given.get("kind", "transformer") == "transformer":
        given["local"] = given.get("carriers") is not None
    named = dict(_named(given, _IN_HEADERS, {}))
    if named.get("kind") == "paper" and named.get("carriers", 0) is None:
        del named["carriers"]
    return named


def _named(given: Mapping[str, Any], unsaid: Mapping[str, Any], sizes: Mapping[str, Any]) -> Mapping[str, Any]:
    """unsaid, sizes: what an option means that a flat list leaves out."""
    kind = given.get("kind", "transformer")
    if not isinstance(kind, str) or kind not in ("transformer", *_VALUES):
        return given
    flat = {name: given[name] for name in _foreign(kind) if name in given}
    if kind == "transformer":
        flat = {**unsaid, **flat}
        kind = "paper" if flat == _PAPER else "skeletor"
    elif not flat:
        return given
    wrong = [name for name, value in _VALUES[kind].items() if name in flat and flat[name] != value]
    if wrong:
        name, found = wrong[0], repr(flat[wrong[0]])[:40]
        raise ValueError(
            f"{name} is {found}, but a network of kind {kind} has no such option (docs/skeletor.md tells what was "
            "tried and lost)"
        )
    own = {name: value for name, value in given.items() if name not in _VALUES[kind]}
    if kind != "skeletor":  # which has these sizes itself
        own = {**{name: size for name, size in sizes.items() if name not in _VALUES[kind]}, **own}
    return {**own, "kind": kind}


def _foreign(kind: str) -> Mapping[str, Any]:
    return _VALUES["skeletor" if kind == "transformer" else kind]
