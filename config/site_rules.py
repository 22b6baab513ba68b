"""A site's own series rules: what differs from the shipped ones, laid over them."""

from collections.abc import Mapping, Sequence
from typing import Any

from config.rule_values import ROLE_NAMES

REMOVE = "remove"
"""Table of a site's file that takes shipped words out: ``[remove.lexicon]``."""

_ADDED = ("lexicon", "agents")
"""Tables of words: a site adds to them, where everything else takes the place of what is shipped."""

Table = dict[str, Any]


def lay_over(shipped: Mapping[str, Any], site: Mapping[str, Any]) -> tuple[Table, list[str]]:
    """Return the shipped rules with those of a site laid over them, and what is wrong with the site's.

    Parameters
    ----------
    shipped, site
        Documents; the site's holds its own ``version`` and only what differs.

    Returns
    -------
    tuple[dict, list[str]]
        The document to be validated, with the version of the site as ``site_version``, and a sentence for each key
        whose value is of the wrong kind. Unknown keys and wrong values are left to the validation.
    """
    problems: list[str] = []
    own = {key: value for key, value in site.items() if key not in ("version", REMOVE)}
    document = _table(shipped, own, "", problems)
    _remove(document, site.get(REMOVE, {}), shipped, problems)
    version = site.get("version")
    if not isinstance(version, str) or not version:
        problems.append('version: name your rules, for example version = "hospital 1"; results will bear it')
    document["site_version"] = version
    if "site_version" in site:
        problems.append("site_version: unknown key; write version")
    return document, problems


def _table(shipped: Mapping[str, Any], site: Mapping[str, Any], place: str, problems: list[str]) -> Table:
    document = dict(shipped)
    for key, value in site.items():
        here, known = f"{place}{key}", shipped.get(key)
        wrong = _wrong_kind(known, value)
        if known is None and shipped and set(shipped) <= set(ROLE_NAMES):
            problems.append(f"{here}: {key} is no role that it can hold; they are {', '.join(shipped)}")
        elif wrong:
            problems.append(f"{here}: {wrong}")
        elif isinstance(known, dict):
            document[key] = _table(known, value, f"{here}.", problems)
        elif isinstance(known, list) and place.rstrip(".") in _ADDED:
            # The site's first: a message about one of them then counts as the site's file does.
            document[key] = list(dict.fromkeys([*value, *known]))
        else:
            document[key] = value
    return document


def _wrong_kind(known: object, value: object) -> str:
    """Say what is asked for where a value is of another kind than the shipped one; lists by their items."""
    if known is None or _kind(known) == _kind(value):
        items = _kind(known[0]) if isinstance(known, list) and known else ""
        strangers = [item for item in value if _kind(item) != items] if isinstance(value, list) and items else []
        return f"each item must be {items}, not {strangers[0]!r}" if strangers else ""
    return f"must be {_kind(known)}, not {_kind(value)}"


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, Sequence) else "a table"


def _remove(document: Table, wanted: object, shipped: Mapping[str, Any], problems: list[str]) -> None:
    tables = wanted if isinstance(wanted, dict) else {"": None}
    for table, words in tables.items():
        # An agent that is no longer known to be another one would let its studies through.
        if table != "lexicon" or not isinstance(words, dict):
            problems.append(f"{REMOVE}: words are taken out of the lexicon alone, with a table [{REMOVE}.lexicon]")
            continue
        for concept, terms in words.items():
            here, known = f"{REMOVE}.lexicon.{concept}", shipped["lexicon"].get(concept)
            if known is None:
                problems.append(f"{here}: unknown key")
            elif not isinstance(terms, list):
                problems.append(f"{here}: must be a list, not {_kind(terms)}")
            else:
                problems += [
                    f"{here}: {term!r} is not among the shipped words" for term in terms if term not in known
                ]
                kept = [term for term in document["lexicon"][concept] if term not in terms]
                document["lexicon"] = {**document["lexicon"], concept: kept}
