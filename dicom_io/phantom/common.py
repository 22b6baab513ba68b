"""Elements that every instance of a study carries, whatever the scanner (PS3.3 C.7)."""

from collections.abc import Sequence

import numpy as np
from pydicom import Dataset

from dicom_io.phantom.dialect import Dialect
from dicom_io.phantom.identity import PATIENT_WEIGHT_KG, PhantomIdentity
from dicom_io.phantom.plan import Agent, SeriesPlan, StudyPlan
from pipeline.geometry import Grid

MAGNET_HZ_PER_T = 42.577478518
"""Gyromagnetic ratio of the proton, MHz/T (CODATA 2018)."""

_FAT_WORDS = frozenset({"FS"})


def series_elements(
    plan: SeriesPlan, study: StudyPlan, identity: PhantomIdentity, dialect: Dialect, field_strength_t: float
) -> Dataset:
    """Return what the instances of a series share: patient, study, equipment, series, frame of reference."""
    ds = Dataset()
    _write_patient_and_study(ds, plan, study, identity, dialect)
    ds.Modality, ds.Manufacturer, ds.ManufacturerModelName = "MR", dialect.manufacturer, dialect.model
    ds.SoftwareVersions, ds.StationName = list(dialect.software), "PHANTOM3T"
    ds.SeriesInstanceUID = identity.uid("series", *plan.uid_parts)
    ds.SeriesNumber = plan.number
    ds.FrameOfReferenceUID = identity.uid("frame of reference", *filter(None, (plan.frame_of_reference,)))
    ds.PositionReferenceIndicator = ""
    ds.BodyPartExamined, ds.PatientPosition = dialect.body_part, study.patient_position
    ds.MagneticFieldStrength = field_strength_t
    description = dialect.describe(plan, study.naming)
    _write_text(ds, "SeriesDescription", description, study)
    protocol = dialect.protocol if study.naming is None and dialect.protocol else description
    _write_text(ds, "ProtocolName", protocol, study)
    if plan.enhanced or study.agent.before_too:
        _write_contrast(ds, study.agent, identity)
    for touch in plan.touch:
        touch(ds)
    return ds


def write_acquisition(ds: Dataset, plan: SeriesPlan, dialect: Dialect, field_strength_t: float) -> None:
    """Add how a classic series was acquired (PS3.3 C.8.3.1)."""
    words, parameters = dialect.words[plan.parameters.technique], plan.parameters
    ds.ScanningSequence, ds.SequenceVariant = list(words.sequence), list(words.variant)
    ds.ScanOptions = list(scan_options(plan, dialect))
    ds.MRAcquisitionType, ds.EchoTrainLength = words.dimensions, words.train
    if words.name:
        ds.SequenceName = words.name
    ds.AcquisitionNumber = 1
    ds.RepetitionTime, ds.EchoTime, ds.FlipAngle = parameters.tr_ms, parameters.te_ms, parameters.flip_deg
    ds.NumberOfAverages, ds.EchoNumbers = 1, 1
    ds.ImagedNucleus = "1H"
    ds.ImagingFrequency = round(MAGNET_HZ_PER_T * field_strength_t, 6)
    ds.AngioFlag = "N"
    ds.ReceiveCoilName = "PHANTOM ARRAY"
    ds.InPlanePhaseEncodingDirection = "COL"


def scan_options(plan: SeriesPlan, dialect: Dialect) -> tuple[str, ...]:
    """Return Scan Options; Dixon series and those that are called plain do without fat saturation."""
    options = dialect.words[plan.parameters.technique].options
    plain = plan.kind.value.endswith("_PLAIN") or any(part.dixon for part in plan.parts)
    return tuple(word for word in options if not (plain and word in _FAT_WORDS))


def decimal(value: float) -> str:
    """Write a number within the 16 characters of DS (PS3.5 6.2), to a nanometre or 1e-8 of a cosine."""
    text = f"{float(value):.8f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def decimals(values: Sequence[float]) -> list[str]:
    """Write several numbers as DS."""
    return [decimal(value) for value in values]


def orientation(grid: Grid) -> list[str]:
    """Return Image Orientation (Patient)."""
    return decimals(grid.direction[:, :2].T.ravel().tolist())


def stored(values: np.ndarray, *, signed: bool) -> bytes:
    """Return pixels as 16-bit words, little endian."""
    return bytes(values.astype("<i2" if signed else "<u2").tobytes())


def write_pixel_format(ds: Dataset, shape: tuple[int, int], *, signed: bool) -> None:
    """Add the image pixel description (PS3.3 C.7.6.3)."""
    ds.Rows, ds.Columns = shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
    ds.PixelRepresentation = int(signed)


def window(largest: float) -> tuple[str, str]:
    """Return Window Center and Width for a volume."""
    return str(round(largest / 4)), str(max(round(largest / 2), 1))


def _write_patient_and_study(
    ds: Dataset, plan: SeriesPlan, study: StudyPlan, identity: PhantomIdentity, dialect: Dialect
) -> None:
    character_sets = (dialect.character_set,) if study.naming is None else study.naming.character_set
    ds.SpecificCharacterSet = list(character_sets) if len(character_sets) > 1 else character_sets[0]
    ds.PatientName = "PHANTOM^SOMEBODY ELSE" if plan.owner else identity.patient_name
    ds.PatientID = f"{identity.patient_id}-{plan.owner}" if plan.owner else identity.patient_id
    ds.PatientBirthDate, ds.PatientSex = "", "O"
    ds.PatientWeight = PATIENT_WEIGHT_KG
    ds.StudyInstanceUID = identity.uid("study", *filter(None, (plan.examination,)))
    began = identity.at(-900)
    ds.StudyDate, ds.StudyTime = began.strftime("%Y%m%d"), began.strftime("%H%M%S")
    ds.StudyID, ds.StudyDescription = f"{identity.seed}", "MR LIVER WITH GADOXETATE (PHANTOM)"
    ds.AccessionNumber, ds.ReferringPhysicianName = f"PH{identity.seed:06d}", ""
    ds.InstitutionName = "SYNTHETIC PHANTOM"


def _write_text(ds: Dataset, keyword: str, text: str, study: StudyPlan) -> None:
    naming = study.naming
    if naming is not None and naming.encoding:
        # The bytes of another encoding, under a declaration that does not fit them.
        text = text.encode(naming.encoding).decode("latin-1")
    if text or naming is None:
        setattr(ds, keyword, text)


def _write_contrast(ds: Dataset, agent: Agent, identity: PhantomIdentity) -> None:
    """Write the injection, 0.1 mL/kg at 1.5 mL/s for gadoxetate (PS3.3 C.7.6.4)."""
    if not agent.name:
        return
    ds.ContrastBolusAgent = agent.name
    if agent.code:
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = agent.code
        ds.ContrastBolusAgentSequence = [code]
    volume_ml = 0.1 * PATIENT_WEIGHT_KG
    ds.ContrastBolusRoute = "IV"
    ds.ContrastBolusVolume = ds.ContrastBolusTotalDose = round(volume_ml, 1)
    if agent.start_recorded:
        ds.ContrastBolusStartTime = identity.at(agent.clock_error_s).strftime("%H%M%S")
    ds.ContrastFlowRate = 1.5
    ds.ContrastBolusIngredient, ds.ContrastBolusIngredientConcentration = "GADOLINIUM", 181.43
