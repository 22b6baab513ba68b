"""What vendors keep where: the words of Image Type, Dixon type, complex component, fat suppression, agent."""

from dicom_io.assembly.elements import Elements

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


def image_words(stated: tuple[str, ...], private: Elements) -> tuple[str, ...]:
    """Return Image Type or Frame Type, with what Philips says elsewhere at its end.

    Parameters
    ----------
    stated
        The standard's element.
    private
        The data set or, of Enhanced objects, the functional groups of one frame that hold Philips' own elements.
        The Complex Image Component of Philips is MAGNITUDE for all four Dixon images, and of no use.
    """
    words = [word.upper() for word in stated]
    for place in (private, *private.private_items("Philips MR Imaging DD 005", 0x0F)):
        words += [word.upper() for word in place.words("ImageType")[2:] if place is not private]
        words.append(place.private_word("Philips MR Imaging DD 001", 0x11).upper())
    known = words[: len(stated)]
    return (*known, *(word for word in dict.fromkeys(words[len(stated) :]) if word and word not in known))


def scanning_sequence(elements: Elements) -> tuple[str, ...]:
    """Return Scanning Sequence; Philips says only in its own words that a spin echo is echo planar."""
    words = tuple(word for word in elements.words("ScanningSequence") if word)
    technique = elements.private_word("Philips Imaging DD 001", 0x20).upper()
    planar = technique.startswith("DW") or technique.endswith("EPI")
    return ("EP", *words) if planar and "EP" not in words else words


def agent(elements: Elements) -> str:
    """Return whatever names the contrast agent, as one text: typed, coded (Enhanced MR), or its ingredient."""
    coded = [
        item.text("CodeMeaning")[0] or item.word("CodeValue")
        for item in elements.items("ContrastBolusAgentSequence")
    ]
    ingredient = elements.word("ContrastBolusIngredient") if coded else ""
    parts = (elements.text("ContrastBolusAgent")[0], *coded, ingredient)
    # Typed and coded are often the same word, and `NONE NONE` would be no word at all.
    return " ".join({part.casefold(): part for part in reversed(parts) if part}.values())


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
    if numbers := elements.private_numbers("GEMS_PARM_01", 0x2F):
        return _GE_COMPONENTS.get(int(numbers[0]), "MAGNITUDE")
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
