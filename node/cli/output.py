"""What a verb prints and with which exit code it ends."""

import errno
import json
import os
import sys
from collections.abc import Callable, Mapping
from enum import IntEnum
from functools import wraps
from typing import ParamSpec

import typer

from config.errors import ConfigError, NodeError
from node.interrupts import TerminatedError

P = ParamSpec("P")


class ExitCode(IntEnum):
    """Exit codes of every verb."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    PEER_UNREACHABLE = 4
    INTERRUPTED = 130
    UNREAD = 141
    TERMINATED = 143


RESEARCH_USE = "For research use only. Not a medical device."


def print_json(document: object) -> None:
    """Write one JSON document, and nothing else, to standard output."""
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def complain(message: str) -> None:
    """Write one line to standard error."""
    sys.stderr.write(f"mvi-node: {message}\n")


def ended(exit_code: ExitCode, message: str, *, code: str | None = None, as_json: bool = False) -> typer.Exit:
    """Tell why a verb ends, and return the exit to raise.

    Parameters
    ----------
    message
        One line that says what to do.
    code
        Of the error, where it has one; otherwise what the exit code means.
    as_json
        Whether standard output gets the document ``{"status": "failed", "code", "message"}``.
    """
    if as_json:
        _print_failure(code or exit_code.name, message)
    complain(message)
    return typer.Exit(exit_code)


def ended_by(error: NodeError, *, as_json: bool) -> typer.Exit:
    """Tell of a deliberate error, and return the exit to raise; what a person may set is a matter of usage."""
    exit_code = ExitCode.USAGE if isinstance(error, ConfigError) else ExitCode.FAILED
    return ended(exit_code, str(error), code=getattr(error, "code", None), as_json=as_json)


def nobody_reads() -> ExitCode:
    """Give up standard output, of which a reader like `head` has had enough; return the exit code for it."""
    # What is buffered would complain once more at the very end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.UNREAD


def verb(function: Callable[P, None]) -> Callable[P, None]:
    """Turn deliberate errors of a verb into one line on standard error and the documented exit code.

    With ``--json`` they are one document on standard output as well. A verb that has printed its own ends by
    `typer.Exit`.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = kwargs.get("as_json") is True
        try:
            function(*args, **kwargs)
            sys.stdout.flush()
        except NodeError as error:
            raise ended_by(error, as_json=as_json) from error
        except BrokenPipeError:
            raise typer.Exit(nobody_reads()) from None
        except OSError as error:
            raise _ended_by_system(error, as_json=as_json) from error
        except KeyboardInterrupt:
            complain("stopped by Ctrl-C")
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except TerminatedError:
            complain("stopped by SIGTERM")
            raise typer.Exit(ExitCode.TERMINATED) from None

    return run


def _ended_by_system(error: OSError, *, as_json: bool) -> typer.Exit:
    message = f"{error.filename or 'system'}: {_what_and_what_to_do(error)}"
    try:
        if as_json:
            _print_failure(ExitCode.FAILED.name, message)
        sys.stdout.flush()
    except OSError:  # It is standard output that cannot be written.
        nobody_reads()
        message = f"standard output: {_what_and_what_to_do(error)}"
    complain(message)
    return typer.Exit(ExitCode.FAILED)


def _print_failure(code: str, message: str) -> None:
    print_json({"status": "failed", "code": code, "message": message})


_ADVICE: Mapping[type[OSError], str] = {
    PermissionError: "permission denied; name a place that this user may use, or change its rights",
    FileNotFoundError: "there is no such file or folder; check the path",
    FileExistsError: "is there already, and is no folder; name another",
    NotADirectoryError: "a file stands where a folder is needed; name another folder",
    IsADirectoryError: "is a folder where a file is needed; name a file",
}


def _what_and_what_to_do(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; make space, or name a place on another disk"
    if error.errno == errno.EROFS:
        return "the file system is read-only; name a place on another"
    return _ADVICE.get(type(error), error.strerror or str(error))
