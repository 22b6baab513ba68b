"""How much of the trail the audit repository has got: by this a trail that was cut short shows."""

import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from node.audit.trail import FIRST, Trail

logger = logging.getLogger(__name__)

SENT_FILE = "audit-sent.json"


class Sent(NamedTuple):
    """The last line that was sent.

    Parameters
    ----------
    number
        0: none was.
    hash
        Of the line; empty where an earlier version kept the number alone.
    """

    number: int = 0
    hash: str = ""

    def is_in(self, records: Iterable[Mapping[str, Any]]) -> bool:
        """Say whether these lines, in order, hold the line, or begin behind it."""
        hashes: dict[int, str] = {0: FIRST}
        for record in records:
            hashes.setdefault(record["number"] - 1, record["before"])
            hashes[record["number"]] = record["hash"]
        kept = hashes.get(self.number)
        return kept is not None and (not self.hash or not self.number or kept == self.hash)


def read_sent(storage: Path) -> Sent:
    """Return the last line that was sent; none, where the file is damaged."""
    try:
        document = json.loads((storage / SENT_FILE).read_text(encoding="utf-8"))
        return Sent(int(document["number"]), str(document.get("hash", "")))
    except FileNotFoundError:
        return Sent()
    except (ValueError, KeyError, TypeError, AttributeError):
        logger.warning("%s is damaged; every message is sent again", SENT_FILE)
        return Sent()


def write_sent(storage: Path, sent: Sent) -> None:
    """Keep what was sent last."""
    draft = (storage / SENT_FILE).with_suffix(".draft")
    draft.write_text(json.dumps(sent._asdict()), encoding="utf-8")
    draft.replace(storage / SENT_FILE)


def trail_problems(storage: Path) -> list[str]:
    """Return what shows that the trail of a node was changed, cut short or taken away, a sentence each."""
    trail, sent = Trail(storage), read_sent(storage)
    if not trail.size():
        return [f"there is no audit trail in {storage}; see node.storage, and who could delete {trail.path.name}"]
    problems = trail.problems()
    if not problems and not sent.is_in(trail.records()):
        return [f"line {sent.number}, which was sent to the audit repository, is missing or was changed"]
    return problems
