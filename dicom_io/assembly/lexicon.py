"""Concepts in a description: the regular expressions of the rules, compiled once for a run."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from config.series_rules import SeriesRules
from dicom_io.assembly.text import normalise, unaccented

PHASES = frozenset({"pre", "arterial", "portal", "delayed", "hepatobiliary"})
"""Concepts that name a phase of contrast."""

_NEGATIONS = (
    r"(?:nicht|kein\w*|not|no|non|without|noncontrast|ohne|sans|pas(?: de|d')?|sin|sem|senza|niet|geen|ikke|inte)"
)
_ARTICLES = r"(?:(?:phase|fase|the|la|le|une?|uma?|eine?r?) )?"
_AFTERWARDS = r"(?:nach|after|apr[eè]s(?: la)?|dopo(?: la)?|despu[eé]s de(?: la)?|post(?=arter|port|ven))"
"""Before the name of a phase: what follows it. `nach 20 min` and `after 30 s` are those phases themselves."""
_NOT_LATIN_NEGATED = r"(?:非|不是){0}|{0}\w{{0,2}} ?(?:ではない|でない|아님|아닌)"
"""Around a phase: the description says what it is not."""

_PASSING = frozenset({"arterial", "portal"})
"""Phases that others are named after."""

NOT = "not "
"""Before a phase among the concepts of a text that says what it is not."""

_FAT_SUPPRESSION = re.compile(
    r"(?<!\w)(?:sat\w*|sup\w*|sopp\w*|unterdr\w*|an?nul\w*|elimin\w*|no|noncontrast|ohne|without|sans|sin|sem|senza)"
    r"(?: (?:d[aeiou]l?(?: la)?|des))? (?:fat|fett\w*|graisses?|grasas?|grasso|gordura)(?!\w)"
)
"""Ends in fat, and yet names no image of it."""

_NOT_GIVEN = (
    r"(?<!\w)(?:kein(?:e[nr]?)?|no|ohne|without|sans|pas de|sin|sem|senza|statt|instead of) (?:{0})(?!\w)"
    r"|(?<!\w)(?:{0})[ :]{{1,3}}(?:allerg\w*|intoler\w*|unvertr\w*)"
    r"|(?<!\w)(?:allerg\w*|unvertr\w*|intoler\w*) (?:(?:to|against|gegen|auf|[aà]|al|ao) )?(?:{0})(?!\w)"
    r"|(?<!\w)\w+(?:allerg|intoler|unvertr)\w*"
)
"""Around another agent: it was not given, or is one that the patient cannot take."""

_NO = r"(?<!\w)(?:no|not|non|ohne|kein\w*|without|sans|sin|sem|senza|geen|ikke) (?:{0})(?!\w)"
_AROUND = (
    r"(?<!\w)(?:post|after|nach|apr[eè]s|dopo|despu[eé]s(?: de)?|pre|before|vor|avant|antes(?: de)?|prima)"
    r" (?:{0})(?!\w)"
)
_SET_ASIDE = {
    "projection": (_NO,),
    "subtraction": (_NO,),
    "map": (_NO,),
    "motion_corrected": (_NO,),
    "cholangiography": (_NO, _AROUND),
}
"""Around the words of a concept: what the images are not, or were acquired before or after."""

_LETTER = "a-zà-öø-ÿ"
_DIXON_CONCEPTS = {"dixon_fat": "FAT", "dixon_in_phase": "IN_PHASE", "dixon_opposed_phase": "OUT_PHASE"}
_ANYWHERE = "_anywhere"
"""Ends the name of the terms that say so in the middle of a description as well."""


@dataclass(frozen=True)
class Named:
    """What a description says, in which word, and which list of the lexicon holds it."""

    kind: str
    word: str
    concept: str


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
        dixon = {f"{name}{end}" for name in _DIXON_CONCEPTS for end in ("", _ANYWHERE)}
        concepts = terms.keys() - dixon
        self._concepts = {name: compile_terms(terms[name]) for name in concepts}
        self._negated = {name: _negated(terms[name], name) for name in sorted(PHASES)}
        self._aside = {
            name: re.compile(
                "|".join(around.format("|".join(filter(_is_latin, terms[name]))) for around in arounds)
            )
            for name, arounds in _SET_ASIDE.items()
        }
        self._dixon = {name: _dixon(terms[name]) for name in _DIXON_CONCEPTS}
        self._dixon |= {
            f"{name}{_ANYWHERE}": compile_terms(terms[f"{name}{_ANYWHERE}"]) for name in _DIXON_CONCEPTS
        }
        self._gadoxetate = compile_terms(map(unaccented, rules.agents.gadoxetate))
        self._other_agent = compile_terms(map(unaccented, rules.agents.other))
        self._not_given = re.compile(_NOT_GIVEN.format("|".join(map(unaccented, rules.agents.other))))
        # Typed in several elements, or twice in one, it says the same.
        self._no_agent = re.compile(rf"(?:(?:{'|'.join(map(unaccented, rules.agents.none))})(?: |$))+")
        self._seen: dict[str, frozenset[str]] = {}
        self._others: dict[str, str] = {}
        self._words: dict[str, dict[str, str]] = {}

    def concepts(self, text: str) -> frozenset[str]:
        """Return the concepts that `text`, normalised, names."""
        if text not in self._seen:
            self._seen[text] = self._read(text)
        return self._seen[text]

    def words(self, text: str) -> Mapping[str, str]:
        """Return the word of `text`, normalised, that names each concept, as far as one word does."""
        self.concepts(text)
        return self._words[text]

    def dixon(self, description: str) -> Named | None:
        """Return ``FAT``, ``IN_PHASE`` or ``OUT_PHASE`` where a normalised description says so, and in which word.

        Short words count before a colon and at the end alone; plain ones anywhere.
        """
        text = _FAT_SUPPRESSION.sub(" fat suppressed", description)
        for concept, pattern in self._dixon.items():
            if found := pattern.search(text):
                kind = _DIXON_CONCEPTS[concept.removesuffix(_ANYWHERE)]
                return Named(kind, found.group().strip(" :"), concept)
        return None

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
        rest, named = self._gadoxetate.subn(" | ", self._not_given.sub(" ", text))
        if self._other_agent.search(rest):
            return "several" if named else "other"
        return "gadoxetate" if named else "unnamed"

    def other_agent(self, name: str) -> str:
        """Return the word for another agent than gadoxetate in a text; empty without one."""
        if name not in self._others:
            rest = self._gadoxetate.sub(" | ", self._not_given.sub(" ", unaccented(normalise(name))))
            found = self._other_agent.search(rest)
            self._others[name] = found.group().strip() if found else ""
        return self._others[name]

    def _read(self, text: str) -> frozenset[str]:
        said = text
        for pattern in self._negated.values():
            text = pattern.sub(" ", text)
        matches = {
            name: pattern.search(self._aside[name].sub(" | ", text) if name in self._aside else text)
            for name, pattern in self._concepts.items()
        }
        self._words[said] = {name: match.group().strip() for name, match in matches.items() if match}
        found = set(self._words[said])
        found |= {f"{NOT}{name}" for name, pattern in self._negated.items() if pattern.search(said)}
        if found & {"multiphase", "before_and_after"}:
            # `PRE/POST` and `DYN` are several phases in one series, never the one before contrast.
            found -= {"pre", "post"}
        if "hepatobiliary" in found:
            # `20 min delay` is a hepatobiliary phase.
            found.discard("delayed")
        return frozenset(found)


def _negated(terms: Iterable[str], phase: str) -> re.Pattern[str]:
    """Compile what says that a description is not of a phase."""
    latin = "|".join(f"(?:{term})" for term in terms if _is_latin(term))
    # `w/o contrast pre` is before contrast.
    negations = _NEGATIONS.replace("|noncontrast", "") if phase == "pre" else _NEGATIONS
    other = "|".join(f"(?:{term})" for term in terms if not _is_latin(term))
    parts = [rf"(?<!\w){negations} {_ARTICLES}(?:{latin})(?!\w)"] if latin else []
    # `post arterial` is the arterial phase, after contrast; `postarterial` is what comes after it.
    parts += [rf"(?<!\w){_AFTERWARDS} ?(?!\d){_ARTICLES}(?:{latin})(?!\w)"] if latin and phase in _PASSING else []
    parts += [_NOT_LATIN_NEGATED.format(f"(?:{other})")] if other else []
    return re.compile("|".join(parts))


def _dixon(terms: Iterable[str]) -> re.Pattern[str]:
    """Compile the names of a Dixon image: before a colon or as the last words; Han, kana and hangul anywhere."""
    latin = "|".join(term for term in terms if _is_latin(term))
    other = "|".join(term for term in terms if not _is_latin(term))
    parts = [rf"^(?:{latin}) ?:|(?<!\w)(?:{latin})$"] if latin else []
    return re.compile("|".join(parts + ([other] if other else [])))


def _is_latin(term: str) -> bool:
    return all(ord(character) < 0x250 for character in term)
