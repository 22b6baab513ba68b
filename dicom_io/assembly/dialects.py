"""What vendors keep where: b-value, Dixon type, complex component, fat suppression.

Reading orders follow dcm2niix's vendor notes; private elements are found by their creator.
"""

import re

from dicom_io.assembly.elements import Elements

GE_B_OFFSET = 1_000_000_000
"""GE adds it to b-values of some sequences."""

MAXIMUM_B_S_PER_MM2 = 20_000.0

_B_IN_TEXT = re.compile(r"(?<![a-z0-9])(?:ep_)?b\s?=?\s?(\d{1,4})(?!\d)")
_B_IN_COMMENT = re.compile(r"^b=(\d+(?:\.\d+)?)\(")
_SIEMENS_B_NAME = re.compile(r"^\*?ep_?b(\d{1,4})")

_DIXON_TOKENS = {
    "W": "WATER", "WATER": "WATER", "DIXON_WATER": "WATER",
    "F": "FAT", "FAT": "FAT", "DIXON_FAT": "FAT",
    "IP": "IN_PHASE", "IN_PHASE": "IN_PHASE", "IN PHASE": "IN_PHASE", "INPHASE": "IN_PHASE", "IN": "IN_PHASE",
    "OP": "OUT_PHASE", "OUT_PHASE": "OUT_PHASE", "OUT_OF_PHASE": "OUT_PHASE", "OPP_PHASE": "OUT_PHASE",
    "OPPOSED_PHASE": "OUT_PHASE", "OUTPHASE": "OUT_PHASE", "OPP": "OUT_PHASE", "OUT": "OUT_PHASE",
    "FAT_FRACTION": "FRACTION", "WATER_FRACTION": "FRACTION", "FF": "FRACTION",
}  # fmt: skip

_COMPONENT_TOKENS = {
    "P": "PHASE", "PHASE": "PHASE", "PHASE MAP": "PHASE",
    "R": "REAL", "REAL": "REAL",
    "I": "IMAGINARY", "IMAGINARY": "IMAGINARY",
}  # fmt: skip

_GE_COMPONENTS = {0: "MAGNITUDE", 1: "PHASE", 2: "REAL", 3: "IMAGINARY"}


def dixon_type(image_type: tuple[str, ...]) -> str | None:
    """Return ``WATER``, ``FAT``, ``IN_PHASE``, ``OUT_PHASE`` or ``FRACTION`` from the tokens after the second.

    The first two values are ORIGINAL/DERIVED and PRIMARY/SECONDARY (PS3.3 C.7.6.1.1.2).
    """
    return next((_DIXON_TOKENS[token] for token in image_type[2:] if token in _DIXON_TOKENS), None)


def complex_component(elements: Elements, image_type: tuple[str, ...]) -> str:
    """Return ``MAGNITUDE``, ``PHASE``, ``REAL`` or ``IMAGINARY``; magnitude where nothing is said."""
    said = elements.word("ComplexImageComponent")
    if said in ("PHASE", "REAL", "IMAGINARY"):
        return said
    tag = elements.private("GEMS_PARM_01", 0x2F)
    if tag is not None and (number := elements.number(tag)) is not None:
        return _GE_COMPONENTS.get(int(number), "MAGNITUDE")
    return next((_COMPONENT_TOKENS[token] for token in image_type[2:] if token in _COMPONENT_TOKENS), "MAGNITUDE")


def fat_suppression(elements: Elements) -> bool | None:
    """Return whether fat was suppressed, None where the header does not say."""
    selective = elements.word("SpectrallySelectedSuppression")
    if selective:
        return selective in ("FAT", "FAT_AND_WATER")
    options = elements.words("ScanOptions")
    if not any(options):
        return None
    return any(option in ("FS", "SFS", "FAT_SAT", "SPIR", "SPAIR") for option in options) or None


def b_value_s_per_mm2(elements: Elements, image_type: tuple[str, ...], description: str) -> float | None:
    """Return the diffusion weighting, s/mm2, or None where no element and no text gives it.

    Public element, then Siemens, GE, Philips and United Imaging private ones, then Canon's comment, then the
    sequence name, then the description, the last only for diffusion images.
    """
    for found in (elements.number("DiffusionBValue"), *_private(elements), *_in_names(elements)):
        if found is not None and 0 <= found <= MAXIMUM_B_S_PER_MM2:
            return found
    if "DIFFUSION" in image_type or "EP" in elements.words("ScanningSequence"):
        values = _B_IN_TEXT.findall(description)
        if len(values) == 1:  # `b50 400 800` names the series, not the image.
            return float(values[0])
    return None


def _private(elements: Elements) -> list[float | None]:
    found: list[float | None] = []
    for creator, element in (
        ("SIEMENS MR HEADER", 0x0C),
        ("GEMS_PARM_01", 0x39),
        ("Philips Imaging DD 001", 0x03),
        ("Image Private Header", 0x0A),
        ("Image Private Header", 0x09),
    ):
        tag = elements.private(creator, element)
        number = None if tag is None else elements.number(tag)
        if number is not None and creator == "GEMS_PARM_01":
            # The first of four numbers; zero everywhere outside diffusion imaging.
            number = number % GE_B_OFFSET if number >= GE_B_OFFSET else number
            number = number if number > 0 or _is_diffusion(elements) else None
        found.append(number)
    return found


def _in_names(elements: Elements) -> list[float | None]:
    comment = _B_IN_COMMENT.match(elements.text("ImageComments")[0])
    name = _SIEMENS_B_NAME.match(elements.text("SequenceName")[0])
    return [float(match.group(1)) if match else None for match in (comment, name)]


def _is_diffusion(elements: Elements) -> bool:
    return "EP" in elements.words("ScanningSequence") and "SE" in elements.words("ScanningSequence")
