"""How far a piece of work is, for whoever wants to show it: said by the work, heard by a caller far above it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")
Listener = Callable[[str, int, int], None]  # what is done, how many items of it, of how many
_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """In the block, `listener` is called with all that `said` passes through in this thread."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def is_heard() -> bool:
    """Whether somebody listens in this thread."""
    return _LISTENER.get() is not None


def said(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Pass `items` through; whoever listens hears how many of `total` there were, after each of them."""
    for count, item in enumerate(items, 1):
        yield item
        listener = _LISTENER.get()
        if listener is not None:
            listener(what, count, total)
