"""Files of weights from outside: checked before a network of their size is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map_only

from skeletor.files.tensors import read_tensors
from skeletor.support.errors import InputError, one_line

_LONGEST = 200  # characters of a reason that are told
# What a header of the wrong form raises, wherever it is used first.
_DAMAGE = (ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError,
           ValueError)  # fmt: skip


def read_weights(path: Path, form: str, what: str, advice: str) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a file of weights, as `skeletor.files.tensors.read_tensors` gives them.

    Raises InputError, one line, if there is no such file (with `advice`), it is damaged, it is not `what`, or a value
    is NaN or infinite.
    """
    with damaged(path, advice):
        return read_tensors(path, form, what, advice)


@contextmanager
def damaged(path: Path | str, advice: str) -> Iterator[None]:
    """In the block, errors about the content of the file `path` become an InputError that ends in `advice`."""
    try:
        yield
    except InputError:
        raise
    except _DAMAGE as error:
        reason = one_line(error, _LONGEST)
        raise InputError(f"{path}: weights and header do not fit ({reason}); {advice}") from error


def check_fit(
    build: Callable[[], nn.Module], tensors: Mapping[str, Tensor], optional: Callable[[str], bool] = lambda _: False
) -> None:
    """ValueError unless the tensors are those of the network that `build` makes: names, shapes, kinds of numbers.

    The network is made without memory for its values, so that a header of a few bytes cannot ask for gigabytes; its
    options must be within the limits of their config. optional: whether a name may be missing.
    """
    with torch.device("meta"), _Unfilled():
        expected = build().state_dict()
    for name, tensor in tensors.items():
        if name not in expected:
            raise ValueError(f"there is no tensor {name} in such a network")
        shape = tensor.shape or (1,)  # `save_tensors` keeps a single number as a list of one
        if shape != (expected[name].shape or (1,)) or tensor.dtype != expected[name].dtype:
            raise ValueError(f"{name} is {_form(tensor)}, not {_form(expected[name])}")
    missing = [name for name in expected if name not in tensors and not optional(name)]
    if missing:
        raise ValueError(f"tensor {missing[0]} is missing")


class _Unfilled(TorchFunctionMode):
    """In the block, `torch.nn.init` fills no tensor, and what is computed of ranges and lists has values, on the CPU.

    Tensors without memory need no filling; and to fill them, or to compute with them, torch loads its compiler, which
    takes seconds. What has values loses them where it meets one that has none.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        if getattr(func, "__module__", "") == nn.init.__name__:
            return args[0] if args else named["tensor"]
        if func in (torch.arange, torch.tensor) and named.get("device") is None:
            return func(*args, **named | {"device": "cpu"})
        devices = {tensor.device.type for tensor in tree_leaves((args, named)) if isinstance(tensor, Tensor)}
        if len(devices) > 1:
            args, named = tree_map_only(Tensor, lambda tensor: tensor.to("meta"), (args, named))
        return func(*args, **named)


def _form(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
