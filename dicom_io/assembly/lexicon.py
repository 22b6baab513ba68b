"""Concepts in a description: the regular expressions of the rules, compiled once for a run."""

import re
from collections.abc import Iterable

from config.series_rules import SeriesRules
from dicom_io.assembly.text import normalise, unaccented

PHASES = frozenset({"pre", "arterial", "portal", "delayed", "hepatobiliary"})
"""Concepts that name a phase of contrast."""

_NEGATIONS = r"(?:nicht|kein\w*|not|no|without|noncontrast|ohne|sans|pas d[e']|sin|sem|senza)"
"""Before a phase: the description says what it is not."""

_LETTER = "a-zà-öø-ÿ"
_DIXON_CONCEPTS = {"dixon_fat": "FAT", "dixon_in_phase": "IN_PHASE", "dixon_opposed_phase": "OUT_PHASE"}


def compile_terms(terms: Iterable[str]) -> re.Pattern[str]:
    """Compile `terms` so that Latin words match whole: ``art`` in neither ``start`` nor ``party``.

    A digit may touch a letter (``art2``, ``t1fs``) but not another digit (``20s`` is not in ``120s``).
    """
    start = rf"(?<![{_LETTER}])(?!(?<=\d)\d)"
    end = rf"(?![{_LETTER}])(?!(?<=\d)\d)"
    # Han, kana and hangul are written without blanks, so that no boundary may be asked of such a term.
    parts = [rf"{start}(?:{term}){end}" if _is_latin(term) else f"(?:{term})" for term in terms]
    return re.compile("|".join(parts))


class Lexicon:
    """Reads concepts, Dixon suffixes and contrast agents from normalised text.

    Parameters
    ----------
    rules
        The rules whose lexicon is compiled.
    """

    def __init__(self, rules: SeriesRules) -> None:
        terms = {name: getattr(rules.lexicon, name) for name in type(rules.lexicon).model_fields}
        concepts = terms.keys() - _DIXON_CONCEPTS.keys()
        self._concepts = {name: compile_terms(terms[name]) for name in concepts}
        phases = "|".join(f"(?:{term})" for name in sorted(PHASES) for term in terms[name] if _is_latin(term))
        self._negated = re.compile(rf"(?<!\w){_NEGATIONS} (?:{phases})(?!\w)")
        self._dixon = {
            kind: re.compile(rf"^(?:{'|'.join(terms[name])}) ?:|(?<![\w])(?:{'|'.join(terms[name])})$")
            for name, kind in _DIXON_CONCEPTS.items()
        }
        self._gadoxetate = compile_terms(map(unaccented, rules.agents.gadoxetate))
        self._other_agent = compile_terms(map(unaccented, rules.agents.other))
        # Typed in several elements, or twice in one, it says the same.
        self._no_agent = re.compile(rf"(?:(?:{'|'.join(map(unaccented, rules.agents.none))})(?: |$))+")
        self._seen: dict[str, frozenset[str]] = {}

    def concepts(self, text: str) -> frozenset[str]:
        """Return the concepts that `text`, normalised, names."""
        if text not in self._seen:
            self._seen[text] = self._read(text)
        return self._seen[text]

    def dixon(self, description: str) -> str | None:
        """Return ``FAT``, ``IN_PHASE`` or ``OUT_PHASE`` where the description says so by prefix or suffix."""
        return next((kind for kind, pattern in self._dixon.items() if pattern.search(description)), None)

    def agent(self, name: str) -> str:
        """Return what an agent's name says.

        ``gadoxetate``, ``other``, ``several`` for gadoxetate and another one, typed together or typed and coded,
        ``none``, ``unnamed`` or ``absent``.
        """
        text = unaccented(normalise(name))
        if not text:
            return "absent"
        if self._no_agent.fullmatch(text):
            return "none"
        # `Gd-EOB-DTPA` must not be read as `Gd-DTPA` as well.
        rest, named = self._gadoxetate.subn(" | ", text)
        if self._other_agent.search(rest):
            return "several" if named else "other"
        return "gadoxetate" if named else "unnamed"

    def _read(self, text: str) -> frozenset[str]:
        text = self._negated.sub(" ", text)
        found = {name for name, pattern in self._concepts.items() if pattern.search(text)}
        if "multiphase" in found:
            # `PRE/POST` and `DYN` are several phases in one series, never the one before contrast.
            found.discard("pre")
        if "hepatobiliary" in found:
            # `20 min delay` is a hepatobiliary phase.
            found.discard("delayed")
        return frozenset(found)


def _is_latin(term: str) -> bool:
    return all(ord(character) < 0x250 for character in term)
