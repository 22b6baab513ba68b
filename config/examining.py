"""A document as settings: all that is wrong with it, and what is right all the same."""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from config.errors import ConfigError
from config.sections.base import NEXT_PROBLEM, RULES_LATER
from config.settings import Settings

Location = tuple[int | str, ...]
"""Where a value stands: section, then key; or ``peers``, number, key."""

PEERS = "peers"


@dataclass(frozen=True)
class Examined:
    """What a document holds.

    Parameters
    ----------
    settings
        Its right values, and the defaults of what it does not set. To ask for a key whose value is wrong raises
        `WrongKeyError`.
    problems
        One sentence for each thing that is wrong, inside a section or between two.
    """

    settings: Settings
    problems: tuple[str, ...]

    def settings_or_error(self) -> Settings:
        """Return the settings where nothing is wrong with them.

        Raises
        ------
        ConfigError
            Something is; the message names it all.
        """
        if self.problems:
            raise ConfigError(list(self.problems))
        return self.settings


def examine_document(document: Mapping[str, Any], problems: Sequence[str] = ()) -> Examined:
    """Look at each key of a document, and at what must hold between the keys that are right.

    Parameters
    ----------
    problems
        What is known to be wrong with it already.
    """
    found = list(problems)
    try:
        settings = Settings.model_validate(document, context=RULES_LATER)
    except ValidationError as error:
        items = error.errors()
        for item in items:
            found += [_sentence(item["loc"], text, item["type"]) for text in item["msg"].split(NEXT_PROBLEM)]
        settings = _without(document, [item["loc"] for item in items])
    return Examined(settings, (*found, *_misfits(settings)))


def unknown_settings() -> Settings:
    """Return settings of which no key is known."""
    settings = Settings()
    settings.forget(Settings.model_fields)
    return settings


def _misfits(settings: Settings) -> list[str]:
    """Say what is wrong between keys of one section, of one peer, and of several sections."""
    sections = [(name, part) for name, part in vars(settings).items() if name != PEERS]
    sections += [(f"{PEERS}.{number}", peer) for number, peer in enumerate(vars(settings).get(PEERS, ()))]
    said = [_sentence((name,), problem) for name, section in sections for problem in section.misfits()]
    return said + [_sentence((), problem) for problem in settings.misfits()]


def _without(document: Mapping[str, Any], wrong: Sequence[Location]) -> Settings:
    kept = deepcopy(dict(document))
    for place in wrong:
        _take_out(kept, place)
    # What a peer cannot be without is made up, and forgotten below; its name, which it is called by, stays.
    for number, peer in enumerate(kept.get(PEERS, ())):
        kept[PEERS][number] = {"name": f"{PEERS}.{number}", "ae_title": "UNKNOWN", "host": "unknown"} | peer
    settings = Settings.model_validate(kept, context=RULES_LATER)
    for place in wrong:
        _forget(settings, place)
    return settings


def _take_out(document: dict[str, Any], place: Location) -> None:
    section, *rest = place
    if not rest:
        document.pop(str(section), None)
    elif section != PEERS:
        document[str(section)].pop(rest[0], None)
    elif len(rest) == 1:
        document[PEERS][rest[0]] = {}
    else:
        document[PEERS][rest[0]].pop(rest[1], None)


def _forget(settings: Settings, place: Location) -> None:
    section, *rest = place
    if not rest:
        settings.forget([str(section)])
    elif section != PEERS:
        vars(settings)[str(section)].forget([str(rest[0])])
    else:
        peer = settings.peers[int(rest[0])]
        wrong = type(peer).model_fields if len(rest) == 1 else [str(rest[1])]
        peer.forget(key for key in wrong if key != "name")


def _sentence(location: Location, message: str, kind: str = "") -> str:
    key = ".".join(str(part) for part in location) or "settings"
    if kind in _WORDS:
        return f"{key}: {_WORDS[kind]}"
    said = message.removeprefix("Value error, ").replace("True or False", "true or false")
    said = re.sub("^Input should be", "must be", said)
    # An abbreviation keeps its capitals.
    return f"{key}: {said if said[1:2].isupper() else said[0].lower() + said[1:]}"


_WORDS = {
    "extra_forbidden": "unknown key",
    "path_type": "must be a path, in quotes",
    "model_type": "must be a table of keys, under a heading in brackets",
    "too_short": "must not be empty",
    "tuple_type": "must be a list, in brackets; peers are written as [[peers]] tables",
}
"""By the kind that pydantic gives an error, where its words are those of a programmer."""
