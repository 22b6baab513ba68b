"""What a verb prints and with which exit code it ends."""

import json
import sys
from collections.abc import Callable
from enum import IntEnum
from functools import wraps
from typing import ParamSpec

import typer

from config.errors import ConfigError, NodeError

P = ParamSpec("P")


class ExitCode(IntEnum):
    """Exit codes of every verb."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    PEER_UNREACHABLE = 4


RESEARCH_USE = "For research use only. Not a medical device."


def print_json(document: object) -> None:
    """Write one JSON document, and nothing else, to standard output."""
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def complain(message: str) -> None:
    """Write one line to standard error."""
    sys.stderr.write(f"mvi-node: {message}\n")


def verb(function: Callable[P, None]) -> Callable[P, None]:
    """Turn deliberate errors of a verb into one line on standard error and the documented exit code."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except ConfigError as error:
            complain(str(error))
            raise typer.Exit(ExitCode.USAGE) from error
        except NodeError as error:
            complain(str(error))
            raise typer.Exit(ExitCode.FAILED) from error
        except OSError as error:
            complain(f"{error.filename or 'system'}: {error.strerror or error}")
            raise typer.Exit(ExitCode.FAILED) from error

    return run
