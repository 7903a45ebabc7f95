"""The errors that a user may meet, each one line: what, where, and what to do next."""

from __future__ import annotations


class SkeletorError(Exception):
    """Base of all errors that the command line prints as one line instead of a traceback.

    `exit_code` is what the process ends with.
    """

    exit_code = 1


class InputError(SkeletorError):
    """The input (a file, a config, an argument) cannot be used. Exit code 2."""

    exit_code = 2


class MissingDependency(InputError):
    """An optional package or tool is not installed; the message says how to get it. Exit code 2."""


class NothingToTranslate(SkeletorError):
    """The input is sound, but nobody signs in it, or nothing that the model knows. Exit code 3."""

    exit_code = 3
