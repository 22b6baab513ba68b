"""Diffusion weighting and direction, wherever a vendor keeps them.

The reading order follows dcm2niix's vendor notes; private elements are found by their creator.
"""

import re
import struct

from dicom_io.assembly.elements import Elements

GE_B_OFFSET = 1_000_000_000
"""GE adds it to b-values of some sequences."""

MAXIMUM_B_S_PER_MM2 = 20_000.0

_B_IN_TEXT = re.compile(r"(?<![a-z0-9])(?:ep_)?b\s?=?\s?(\d{1,4})(?!\d)(?!\s?[,;+&]?\s?b?\d{2,4}(?!\w))")
"""One weighting; `b0 50 800` is a list, which names the series and not the image."""

_B_IN_COMMENT = re.compile(r"^b=(\d+(?:\.\d+)?)(?:\(([-+\d.eE]+),([-+\d.eE]+),([-+\d.eE]+)\))?")
_SIEMENS_B_NAME = re.compile(r"^\*?ep_?b(\d{1,4})")

_PHILIPS_DIRECTIONS = {"I": "ISOTROPIC", "N": "NONE", **dict.fromkeys(("P", "M", "S", "O"), "DIRECTIONAL")}
"""(2001,xx04): isotropic, none, or along preparation, measurement, slice or an oblique direction."""

_DIRECTION_DECIMALS = 2

_CSA_MAGIC = b"SV10"
_CSA_NAME_BYTES, _CSA_TAG_BYTES, _CSA_ITEM_BYTES, _CSA_MAXIMUM_TAGS = 64, 84, 16, 512


def b_value_s_per_mm2(elements: Elements, image_type: tuple[str, ...], description: str) -> float | None:
    """Return the diffusion weighting, s/mm2, or None where no element and no text gives it.

    Public element, then Siemens, GE, Philips and United Imaging private ones, then Canon's comment, then the
    sequence name, then the description, the last only for diffusion images. A zero says something only of a
    diffusion sequence: Philips writes it into every image.
    """
    diffusion = is_diffusion(elements, image_type)
    for found in (elements.number("DiffusionBValue"), *_private(elements), *_in_names(elements)):
        if found is not None and 0 <= found <= MAXIMUM_B_S_PER_MM2 and (found > 0 or diffusion):
            return round(found)
    if diffusion:
        values = _B_IN_TEXT.findall(description)
        if len(values) == 1:  # `b50 400 800` names the series, not the image.
            return float(values[0])
    return None


def comment_b_value(comment: str) -> float | None:
    """Return the diffusion weighting that Canon writes into a comment, ``b=1500(0.445,0.000,0.895)``, or None."""
    found = _B_IN_COMMENT.match(comment)
    return float(found.group(1)) if found else None


def comment_gradient(comment: str) -> tuple[float, ...]:
    """Return the direction in the comment of Canon; empty where there is none."""
    found = _B_IN_COMMENT.match(comment)
    return _direction(_vector(found.groups()[1:])) if found else ()


def is_diffusion(elements: Elements, image_type: tuple[str, ...]) -> bool:
    """Tell whether an image is of a diffusion sequence, whatever its b-value."""
    technique = elements.private_word("Philips Imaging DD 001", 0x20).upper()
    planar = "EP" in elements.words("ScanningSequence")
    return planar or "DIFFUSION" in image_type or technique.startswith("DW")


def directionality(elements: Elements, image_type: tuple[str, ...]) -> str:
    """Return ``ISOTROPIC``, ``DIRECTIONAL``, ``BMATRIX`` or ``NONE`` (C.8.13.5.9); empty where nothing is said."""
    said = elements.word("DiffusionDirectionality") or elements.private_word("SIEMENS MR HEADER", 0x0D)
    if said:
        return said
    if {"TRACEW", "TRACE", "ISO", "ISOTROPIC"} & set(image_type):
        return "ISOTROPIC"
    philips = _PHILIPS_DIRECTIONS.get(elements.private_word("Philips Imaging DD 001", 0x04), "")
    return philips or ("DIRECTIONAL" if gradient(elements) else "")


def gradient(elements: Elements) -> tuple[float, ...]:
    """Return the direction of the diffusion gradient as stored, rounded; empty where there is none."""
    philips = [elements.private_numbers("Philips MR Imaging DD 001", last) for last in (0xB0, 0xB1, 0xB2)]
    ge = [elements.private_numbers("GEMS_ACQU_01", last) for last in (0xBB, 0xBC, 0xBD)]
    for found in (
        elements.numbers("DiffusionGradientOrientation"),
        elements.private_numbers("SIEMENS MR HEADER", 0x0E),
        tuple(parts[0] for parts in philips if parts),
        elements.private_numbers("Image Private Header", 0x37),
        comment_gradient(elements.text("ImageComments")[0]),
        # User data of GE hold the gradient in diffusion sequences only.
        tuple(parts[0] for parts in ge if parts) if _is_spin_echo_epi(elements) else (),
    ):
        if direction := _direction(found):
            return direction
    return ()


def csa_b_value(header: bytes) -> float | None:
    """Return ``B_value`` of a Siemens CSA image header, s/mm2, or None where it holds none.

    Parameters
    ----------
    header
        (0029,xx10): little-endian tags of 84 bytes, the name first, the number of items at byte 76; each item has
        a header of four numbers, the first its length, and is padded to four bytes (layout as NiBabel reads it).
    """
    at = 16 if header.startswith(_CSA_MAGIC) else 8
    if len(header) < at:
        return None
    count = struct.unpack_from("<I", header, at - 8)[0]
    for _ in range(min(count, _CSA_MAXIMUM_TAGS)):
        if at + _CSA_TAG_BYTES > len(header):
            return None
        name = header[at : at + _CSA_NAME_BYTES].split(b"\0")[0]
        items = struct.unpack_from("<I", header, at + 76)[0]
        at += _CSA_TAG_BYTES
        for number in range(min(items, _CSA_MAXIMUM_TAGS)):
            if at + _CSA_ITEM_BYTES > len(header):
                return None
            length = struct.unpack_from("<I", header, at)[0]
            at += _CSA_ITEM_BYTES
            if name == b"B_value" and number == 0 and length:
                return _number(header[at : at + length].split(b"\0")[0])
            at += -(-length // 4) * 4
    return None


def _private(elements: Elements) -> list[float | None]:
    csa = elements.private("SIEMENS CSA HEADER", 0x10)
    siemens = _first(elements.private_numbers("SIEMENS MR HEADER", 0x0C))
    if siemens is None and csa is not None and "EP" in elements.words("ScanningSequence"):
        content = elements.value(csa)
        siemens = csa_b_value(content) if isinstance(content, bytes) else None
    # The first of four numbers; zero everywhere outside diffusion imaging.
    ge = _first(elements.private_numbers("GEMS_PARM_01", 0x39))
    if ge is not None:
        ge = ge % GE_B_OFFSET if ge >= GE_B_OFFSET else ge
        ge = ge if ge > 0 or _is_spin_echo_epi(elements) else None
    philips = _first(elements.private_numbers("Philips Imaging DD 001", 0x03))
    # What was asked for before what was achieved: a real file says 929.75 of b = 1000, each direction its own.
    united = [_first(elements.private_numbers("Image Private Header", last)) for last in (0x0A, 0x09)]
    return [siemens, ge, philips, *united]


def _in_names(elements: Elements) -> list[float | None]:
    name = _SIEMENS_B_NAME.match(elements.text("SequenceName")[0])
    return [comment_b_value(elements.text("ImageComments")[0]), float(name.group(1)) if name else None]


def _is_spin_echo_epi(elements: Elements) -> bool:
    return {"EP", "SE"} <= set(elements.words("ScanningSequence"))


def _first(numbers: tuple[float, ...]) -> float | None:
    return numbers[0] if numbers else None


def _direction(found: tuple[float, ...]) -> tuple[float, ...]:
    if len(found) != 3 or not any(found):
        return ()
    return tuple(round(part, _DIRECTION_DECIMALS) + 0.0 for part in found)


def _vector(texts: tuple[str | None, ...]) -> tuple[float, ...]:
    numbers = [_number((text or "").encode()) for text in texts]
    return tuple(number for number in numbers if number is not None)


def _number(content: bytes) -> float | None:
    try:
        return float(content)
    except ValueError:
        return None
