"""The files of one study without its patient: read, de-identified, searched once more, and written."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import UID

from config.errors import NodeError
from config.series_rules import SeriesRules
from dicom_io.deidentification.descriptions import Descriptions
from dicom_io.deidentification.identity import leaks, own_uids, person_words, telling_texts
from dicom_io.deidentification.profile import Profile
from dicom_io.deidentification.secrets import Pseudonyms
from dicom_io.network.implementation import IMPLEMENTATION_CLASS_UID

_OPTIONS = (
    (codes.DCM.BasicApplicationConfidentialityProfile, "Basic profile of PS3.15 E.2"),
    (codes.DCM.CleanDescriptorsOption, "descriptions cleaned"),
    (codes.DCM.RetainLongitudinalTemporalInformationModifiedDatesOption, "dates moved"),
    (codes.DCM.RetainSafePrivateOption, "private numbers kept"),
)


class LeakError(NodeError):
    """What should name nobody still holds a text of the original; nothing of it may leave."""

    code = "EX-LEAK"

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(
            f"instance {number} would still hold a text that points to the patient or the hospital: nothing is "
            "exported; tell the makers of the software which scanner it came from"
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (LeakError, (self.number,))


@dataclass(frozen=True)
class Deidentified:
    """What became of the files of a study.

    Parameters
    ----------
    written
        Files.
    left_out
        Number of the file in order of arrival, from 1, and why it is not among them.
    """

    written: tuple[Path, ...]
    left_out: tuple[tuple[int, str], ...]


def deidentify_files(
    paths: Sequence[Path],
    out: Path,
    rules: SeriesRules,
    pseudonyms: Pseudonyms,
    on_image: Callable[[int], None] = lambda _: None,
) -> Deidentified:
    """Write the images of a study without their patient into a folder, numbered in order of arrival.

    Pixels stay as they are: where a header says that text is burned into them, the image is left out.

    Parameters
    ----------
    paths
        Of its images.
    out
        An existing folder.
    rules
        Of series matching; their words stay in descriptions.
    on_image
        Told the number of each image that is written.

    Raises
    ------
    LeakError
        A file would hold a text that it must not.
    """
    written: list[Path] = []
    left_out: list[tuple[int, str]] = []
    names: set[str] = set()
    texts: set[str] = set()
    with warnings.catch_warnings():
        # pydicom warns of invalid values with the value in it.
        warnings.simplefilter("ignore")
        for _, header in _read(paths, [], pixels=False):
            names |= person_words(header)
            texts |= telling_texts(header)
        profile = Profile(pseudonyms, Descriptions(rules), frozenset(names))
        for number, ds in _read(paths, left_out, pixels=True):
            content = _deidentified(number, ds, profile, frozenset(texts))
            path = out / f"{number:06d}.dcm"
            path.write_bytes(content)
            written.append(path)
            on_image(number)
    return Deidentified(tuple(written), tuple(left_out))


def _read(
    paths: Sequence[Path], left_out: list[tuple[int, str]], *, pixels: bool
) -> Iterator[tuple[int, FileDataset]]:
    for number, path in enumerate(paths, start=1):
        try:
            ds = dcmread(path, stop_before_pixels=not pixels)
        except (OSError, InvalidDicomError, ValueError, EOFError) as error:
            left_out.append((number, f"cannot be read ({type(error).__name__})"))
            continue
        if str(ds.get("BurnedInAnnotation", "")).upper() == "YES":
            left_out.append((number, "has text burned into its pixels"))
            continue
        yield number, ds


def _deidentified(number: int, ds: FileDataset, profile: Profile, texts: frozenset[str]) -> bytes:
    texts |= own_uids(ds)
    transfer_syntax = UID(ds.file_meta.TransferSyntaxUID)
    profile.apply(ds)
    _declare(ds)
    ds.preamble = b"\0" * 128
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = transfer_syntax
    ds.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    content = _encoded(ds)
    if leaks(content, texts):
        raise LeakError(number)
    return content


def _declare(ds: Dataset) -> None:
    """Say in the data set what was done to it (PS3.15 E.1.1, PS3.3 C.7.1.1 and C.12.1.1)."""
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = ds.PatientID = str(ds.get("PatientID", ""))
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = [words for _, words in _OPTIONS]
    ds.DeidentificationMethodCodeSequence = [_item(option) for option, _ in _OPTIONS]
    ds.LongitudinalTemporalInformationModified = "MODIFIED"


def _item(option: Code) -> Dataset:
    item = Dataset()
    item.CodeValue = option.value
    item.CodingSchemeDesignator = option.scheme_designator
    item.CodeMeaning = option.meaning
    return item


def _encoded(ds: FileDataset) -> bytes:
    file = BytesIO()
    ds.save_as(file, enforce_file_format=True)
    return file.getvalue()
