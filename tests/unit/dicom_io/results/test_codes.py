"""The codes of the results are those of PS3.16, as pydicom carries it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydicom.sr._concepts_dict import concepts
from pydicom.sr.coding import Code

from dicom_io.results import codes

IN_PS3_16 = ("DCM", "SCT")
"""LOINC and UCUM are listed there in part."""


def meanings() -> Mapping[tuple[str, str], set[str]]:
    known: dict[tuple[str, str], set[str]] = defaultdict(set)
    listed: Any = concepts
    for scheme, by_keyword in listed.items():
        for by_value in by_keyword.values():
            for value, (meaning, *_) in by_value.items():
                known[scheme, value].add(meaning.lower())
    return known


def all_codes(value: object) -> Iterator[Code]:
    if isinstance(value, Code):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from all_codes(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from all_codes(item)


CODES = sorted(
    {code for name in dir(codes) if name.isupper() for code in all_codes(getattr(codes, name))}, key=str
)


@pytest.mark.parametrize("scheme", IN_PS3_16)
def test_codes_when_of_the_standard_then_value_and_meaning_are_listed(scheme: str) -> None:
    known = meanings()
    ours = [code for code in CODES if code.scheme_designator == scheme]

    wrong = [code for code in ours if code.meaning.lower() not in known.get((scheme, code.value), set())]

    assert len(ours) > 5
    assert wrong == []


def test_codes_when_private_then_their_scheme_is_identified() -> None:
    private = {code.scheme_designator for code in CODES if code.scheme_designator.startswith("99")}

    assert private == {item.CodingSchemeDesignator for item in codes.coding_schemes()}
