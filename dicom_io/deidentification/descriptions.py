"""Descriptions that name no one: only words of protocols stay (Clean Descriptors Option, PS3.15 E.3.5)."""

import re
from collections.abc import Collection

from config.series_rules import SeriesRules
from dicom_io.assembly.text import LETTERS

REPLACEMENT = "X"
"""In place of a word that is not known to be harmless."""

_PARTS = re.compile(r"[A-Za-z\u00c0-\u024f]+|\d+|[^\W\dA-Za-z\u00c0-\u024f_]|[\W_]")
_WORDS = re.compile(r"[A-Za-z\u00c0-\u024f]{2,}")
_LONGEST_NUMBER = 3
"""Digits: an echo time, a b-value, a delay; a date or a patient ID has more."""
_COMMON = frozenset(
    re.findall(
        r"\w+",
        """
        a abd abdomen acquired add adc all angle apparent ax axial b bh body bold bolus breath breathhold c calc
        caipi canon care cg coil cor coronal ct d deg delay delayed diff diffusion disco dixon dual dwi dyn dyna
        dynamic e ech echo em eob eovist ep epi fast fat fatsat fb fe ffe fid field fiesta fire fl flair flash
        fo fov fr free frfse fs fse fujifilm g gadoxetate gated gd ge gr grad gradient gre h haste healthcare
        healthineers hep hepatic hepatobiliary high hitachi hr hs i image images imaging in inphase inv iso k kv
        l lava left liver loc localizer low lower m mag map mb md mdixon mean mec med medical min mip mm motion
        mr mrcp mri ms multi n nav nd no non norm o old op opp opposed or orig out p pace para parallel pat pd
        ph phase phases philips plan plane post pre precontrast pri prim primovist prop propeller prot protocol
        ps q quick r raw real rec ref res resp respiratory rest right rt s sag sagittal sat scan se sec secs
        sense seq series set shim siemens single slice slices sl sms smart space spair spc spectral spgr spin
        spir ss ssfse star stir sub subtract sum systems t te test thick thin thrive time tir toshiba tr tra
        trig trigger tse tfe turbo twist uih united upper v venous vibe view vol w wat water whole wi wip with
        without x xv y z zoom
        """,
    )
)
"""Of protocols for the abdomen, beside the words of the rules."""
IMAGE_TYPES = frozenset(
    re.findall(
        r"\w+",
        """
        acquisition average balanced btfe bvalue calc calculated col collapse component computed cpr cs cspar
        derived dfc directional dis div dub eadc exp fa ff fil filtered fm fp fraction frame fsc gdc imaginary
        ip isotropic localizer magnitude mfsplit minip mip mixed mnip moco mosaic mp mpr none nonlinear norm
        orientation original osp other outphase pca pdff perfusion pff phasemap primary projection propella
        reformatted resampled rgb scout secondary seepi stiffness subtraction swi synthetic tensor trace tracew
        ttest uk unspecified venc vframe volrend volume water wfi wo
        """,
    )
)
"""Of Image Type from its third value on, as scanners write them (PS3.3 C.7.6.1.1.2 and C.8.13.3.1.1), beside those
above."""


def words_of(text: str) -> list[str]:
    """Return the words of a text, lower case, and its numbers; a single letter is none."""
    return [part.lower() for part in _PARTS.findall(text) if len(part) > 1 or not part.isascii()]


class Descriptions:
    """Cleans descriptions.

    Parameters
    ----------
    rules
        Of series matching: the words of their lexicon, and the names of contrast agents, stay.
    """

    def __init__(self, rules: SeriesRules) -> None:
        terms = [term for section in (rules.lexicon, rules.agents) for _, named in section for term in named]
        self._known = _COMMON | {word.lower() for term in terms for word in _WORDS.findall(term)}

    def clean(self, text: str, names: Collection[str] = (), also: Collection[str] = ()) -> str:
        """Return `text` with what is not known to be harmless replaced.

        Parameters
        ----------
        names
            Words, lower case, that go although they are known: the patient may be called Art.
        also
            Words, lower case, that are harmless in this element.
        """
        parts = (self._part(part, names, also) for part in _PARTS.findall(text))
        return re.sub(f"{REPLACEMENT}+", REPLACEMENT, "".join(parts))

    def _part(self, part: str, names: Collection[str], also: Collection[str]) -> str:
        if part.isdigit():
            return part if len(part) <= _LONGEST_NUMBER and part not in names else REPLACEMENT
        if _WORDS.fullmatch(part) or part.isascii():
            harmless = not part.isalpha() or part.lower() in self._known or part.lower() in also or len(part) == 1
            return part if harmless and part.lower() not in names else REPLACEMENT
        return part if not part.isalpha() or part in LETTERS else REPLACEMENT
