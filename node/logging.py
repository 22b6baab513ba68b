"""Log lines: time, level, logger, message with key=value fields. UIDs only, to standard error."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

OWN_LOGGERS = ("node", "dicom_io", "pipeline")
"""Of libraries only warnings are shown: pynetdicom would log identifiers, and with them names of patients."""


_study: ContextVar[str] = ContextVar("study", default="")


@contextmanager
def about(study_instance_uid: str) -> Iterator[None]:
    """Name the study in every line that this thread logs meanwhile, also of code that does not know it."""
    before = _study.set(study_instance_uid)
    try:
        yield
    finally:
        _study.reset(before)


def study_at_hand() -> str:
    """Return the study that `about` was told in this thread; empty where it was told none."""
    return _study.get()


class LineFormatter(logging.Formatter):
    """One line a record; control characters that came from the network are shown, not obeyed."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback below it where there is one."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        message = "".join(char if char.isprintable() else repr(char)[1:-1] for char in record.getMessage())
        line = f"{at} {record.levelname} {record.name} {message}"
        if study_at_hand() and "study=" not in message:
            line += f" study={study_at_hand()}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure_logging(level: int = logging.INFO) -> None:
    """Send everything of the node to standard error; of libraries, only what went wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # pynetdicom and APScheduler warn of what the node handles and logs in its own words.
    for name in ("pynetdicom", "apscheduler"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in OWN_LOGGERS:
        logging.getLogger(name).setLevel(level)
