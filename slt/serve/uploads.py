"""An upload: the body of a request, written to a file as it comes, within its limits."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from time import monotonic

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from skeletor.support.errors import InputError
from slt.serve.limits import Limits

KIND = "application/octet-stream"


class TooLarge(InputError):
    """The upload has more bytes than are taken."""


def check_request(request: Request, limits: Limits) -> None:
    """Raises InputError, or TooLarge, if the headers of an upload tell already that it is not taken."""
    if request.headers.get("content-type", "") != KIND:
        raise InputError(f"an upload is the bytes of one file, sent as {KIND}")
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise InputError("the length of the upload is no number")
    _check_size(int(length), limits)


async def receive(request: Request, target: Path, limits: Limits) -> None:
    """Write the body to a file. Raises InputError if it is empty, stops half-way, or is too large."""
    size, pieces = 0, request.stream()
    last = monotonic() + limits.minutes * 60  # else a byte now and then would hold a place for ever
    try:
        with target.open("xb") as file, suppress(StopAsyncIteration):  # behind the last piece
            while True:
                piece = await asyncio.wait_for(anext(pieces), min(limits.silence, last - monotonic()))
                size += len(piece)
                _check_size(size, limits)
                await run_in_threadpool(file.write, piece)
    except TimeoutError as error:
        raise InputError(
            f"the upload stopped for {limits.silence:g} s, or took over {limits.minutes:g} minutes; send it again"
        ) from error
    except ClientDisconnect as error:
        raise InputError("the upload was broken off") from error
    if size == 0:
        raise InputError("the file is empty")


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.size:
        raise TooLarge(f"the file is larger than {limits.megabytes} MB; cut it, or make it smaller")
