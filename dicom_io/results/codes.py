"""Coded concepts of the results, standard and private, in one table.

PS3.16 has no code for the probability of microvascular invasion nor for a peritumoural region, so those are
private and travel with their coding scheme (PS3.3 C.12.1.1.6). Private code values stay within 16 characters:
longer ones would be written as Long Code Value, which older readers ignore.
"""

from collections.abc import Mapping
from typing import NamedTuple

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom.sr.coding import Code

from pipeline.analysis import RiskCategory
from pipeline.study import Analyte

PRIVATE_SCHEME = "99MVINODE"
PRIVATE_SCHEME_UID = "2.25.328746633373420429859709710084566205676"

# Finding, place, shape. CIDs 7150, 7151, 7159, 7194; PS3.16.
MORPHOLOGICALLY_ABNORMAL = Code("49755003", "SCT", "Morphologically Abnormal Structure")
PRIMARY_NEOPLASM = Code("372087000", "SCT", "Neoplasm, Primary")
SPATIAL_CONCEPT = Code("309825002", "SCT", "Spatial and Relational Concept")
LIVER = Code("10200004", "SCT", "Liver")
ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
VOLUME = Code("118565006", "SCT", "Volume")
DIAMETER = Code("81827009", "SCT", "Diameter")
LONG_AXIS = Code("103339001", "SCT", "Long Axis")
TOPOGRAPHICAL_MODIFIER = Code("106233006", "SCT", "Topographical modifier")

# Units. UCUM.
MILLIMETRE = Code("mm", "UCUM", "mm")
CUBIC_CENTIMETRE = Code("cm3", "UCUM", "cubic centimeter")
NO_UNITS = Code("1", "UCUM", "no units")

# The document. CIDs 7021, 100, 6047.
REPORT_TITLE = Code("126000", "DCM", "Imaging Measurement Report")
TEXT_REPORT_TITLE = Code("126001", "DCM", "Oncology Measurement Report")
"""Of a report without an outline: OHIF draws what has the title above, and shows black where there is nothing to
draw; it writes out what has another."""
MRI = Code("25056-3", "LN", "MRI unspecified body region")
PROCESSING_SUMMARY = Code("111017", "DCM", "CAD Processing and Findings Summary")
ALL_SUCCEEDED_WITH_FINDINGS = Code("111242", "DCM", "All algorithms succeeded; with findings")
ALL_SUCCEEDED_WITHOUT_FINDINGS = Code("111241", "DCM", "All algorithms succeeded; without findings")
NONE_SUCCEEDED = Code("111245", "DCM", "No algorithms succeeded; without findings")
COMMENT = Code("121106", "DCM", "Comment")
PATIENT_CHARACTERISTICS = Code("121118", "DCM", "Patient Characteristics")
SERIES_INSTANCE_UID = Code("112002", "DCM", "Series Instance UID")
POSITIVE = Code("10828004", "SCT", "Positive")
NEGATIVE = Code("260385009", "SCT", "Negative")
COLLECTION_DATE = Code("33882-2", "LN", "Collection date of Specimen")

# Private.
PERITUMORAL_REGION = Code("MVI-T01", PRIVATE_SCHEME, "Peritumoral region")
MVI_PROBABILITY = Code("MVI-P01", PRIVATE_SCHEME, "Predicted probability of microvascular invasion")
MVI_LOWER = Code("MVI-P02", PRIVATE_SCHEME, "MVI prediction, lower bound of 95% interval")
MVI_UPPER = Code("MVI-P03", PRIVATE_SCHEME, "MVI prediction, upper bound of 95% interval")
MVI_SCORE = Code("MVI-P04", PRIVATE_SCHEME, "Score for microvascular invasion, not calibrated")
MVI_CATEGORY = Code("MVI-C01", PRIVATE_SCHEME, "MVI risk category")
MATCHED_SERIES = Code("MVI-S01", PRIVATE_SCHEME, "Source series of a role")
CLASSIFIER = Code("MVI-S02", PRIVATE_SCHEME, "Classifier used")
CLINICAL_MISSING = Code("MVI-S03", PRIVATE_SCHEME, "Clinical values not available")
QUALITY_GATE = Code("MVI-Q01", PRIVATE_SCHEME, "Quality gate")
WARNING = Code("MVI-Q02", PRIVATE_SCHEME, "Warning")
REFUSAL_CODE = Code("MVI-R01", PRIVATE_SCHEME, "Refusal code")
REFUSAL_REASON = Code("MVI-R02", PRIVATE_SCHEME, "Reason for refusal")
REFUSAL_REMEDY = Code("MVI-R03", PRIVATE_SCHEME, "What would help")
INTENDED_USE = Code("MVI-U01", PRIVATE_SCHEME, "Intended use")
ORIGIN = Code("MVI-L01", PRIVATE_SCHEME, "Origin of a clinical value")
TUMOUR_SIZE = Code("MVI-L02", PRIVATE_SCHEME, "Tumor size used by the classifier")
AS_RECEIVED = Code("MVI-L03", PRIVATE_SCHEME, "Clinical value as received")
MESSAGE_ID = Code("MVI-L04", PRIVATE_SCHEME, "Message of a clinical value")

# CID 3118, Level of Risk.
RISK_CODES: Mapping[RiskCategory, Code] = {
    RiskCategory.LOW: Code("75976002", "SCT", "Low risk"),
    RiskCategory.MODERATE: Code("25594002", "SCT", "Moderate risk"),
    RiskCategory.HIGH: Code("15508007", "SCT", "High risk"),
    RiskCategory.UNCERTAIN: Code("64957009", "SCT", "Uncertain risk"),
}


class ClinicalConcept(NamedTuple):
    """How a clinical value is written: its concept and its unit, None where it is positive or negative."""

    name: Code
    unit: Code | None


ANALYTE_CONCEPTS: Mapping[Analyte, ClinicalConcept] = {
    Analyte.AST: ClinicalConcept(
        Code("1920-8", "LN", "Aspartate aminotransferase"), Code("U/L", "UCUM", "enzyme unit per liter")
    ),
    Analyte.GGT: ClinicalConcept(
        Code("2324-2", "LN", "Gamma glutamyl transferase"), Code("U/L", "UCUM", "enzyme unit per liter")
    ),
    Analyte.TOTAL_PROTEIN: ClinicalConcept(
        Code("2885-2", "LN", "Total protein"), Code("g/L", "UCUM", "gram per liter")
    ),
    Analyte.LYMPHOCYTE_RATIO: ClinicalConcept(
        Code("736-9", "LN", "Lymphocytes/100 leukocytes"), Code("%", "UCUM", "percent")
    ),
    Analyte.FIBRINOGEN: ClinicalConcept(Code("3255-7", "LN", "Fibrinogen"), Code("g/L", "UCUM", "gram per liter")),
    Analyte.HBCAB: ClinicalConcept(Code("13952-7", "LN", "Hepatitis B virus core antibody"), None),
}


def coding_schemes() -> list[CodingSchemeIdentificationItem]:
    """Return the identification of the private scheme, for every object that uses it."""
    scheme = CodingSchemeIdentificationItem(
        designator=PRIVATE_SCHEME, name="MVI node private codes", responsible_organization="mvi-node"
    )
    # highdicom writes the UID of registered schemes only; this one is nobody else's.
    scheme.CodingSchemeUID = PRIVATE_SCHEME_UID
    return [scheme]
