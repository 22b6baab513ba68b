"""A refusal advises what its reader can do."""

import pytest

from dicom_io.assembly.refusals import refuse

CODES = [
    "SM-PATIENT",
    "SM-AGENT",
    "SM-NOTIME",
    "SM-NOHBP",
    "SM-ORDER",
    "SM-GAP",
    "SM-GEOM",
    "SM-FOR",
    "SM-INCOMPLETE",
    "SM-UNREADABLE",
    "SM-SPLIT-WEAK",
    "SM-LOSSY",
    "SM-VENDOR",
    "SM-MISSING-DWI",
    "SM-AMBIG-T2",
    "SM-WEAK-T1_ARTERIAL",
]


@pytest.mark.parametrize("code", CODES)
def test_refuse_when_coded_then_the_remedy_is_a_sentence_that_the_node_can_keep(code: str) -> None:
    remedy = refuse(code, "Why.").remedy

    assert remedy.endswith(".")
