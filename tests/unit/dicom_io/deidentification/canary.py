"""A patient who must be found nowhere: whatever a header can say of somebody, said."""

from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.uid import UID

NAME, GIVEN, BIRTH_DATE, PATIENT_ID = "ZQCANARY", "Wrenna", "19370214", "MRN-7741932"
ADDRESS, PHONE, ACCESSION = "17 Birdcage Walk", "+49 555 010203", "ACC8812345"
PHYSICIAN, HOSPITAL, STATION, SERIAL = "QUAXDOCTOR", "Aviary Hospital", "CAGEMR3", "SN-99214477"
TEXTS = (
    NAME, GIVEN, BIRTH_DATE, PATIENT_ID, ADDRESS, PHONE, ACCESSION, PHYSICIAN, HOSPITAL, STATION, SERIAL,
    "ZQKOMMENT", "ZQPRIVATE", "ZQTYPE", "99ZQ", "ZQ-17", "\u91d1\u4e1d\u96c0",
)  # fmt: skip


def say_everything(path: Path) -> frozenset[str]:
    """Write the patient wherever a header has room; return the UIDs of the file."""
    ds = dcmread(path)
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = f"{NAME}^{GIVEN}=\u91d1\u4e1d\u96c0"
    ds.PatientID, ds.PatientBirthDate, ds.PatientAddress = PATIENT_ID, BIRTH_DATE, ADDRESS
    ds.PatientTelephoneNumbers, ds.AccessionNumber, ds.StudyID = PHONE, ACCESSION, ACCESSION
    ds.ReferringPhysicianName, ds.OperatorsName = f"{PHYSICIAN}^A", f"{PHYSICIAN}^B"
    ds.InstitutionName, ds.StationName, ds.DeviceSerialNumber = HOSPITAL, STATION, SERIAL
    # Where a technologist may type anything, in elements that matching reads.
    ds.SeriesDescription = f"{ds.get('SeriesDescription', '')} {NAME}"
    ds.ProtocolName = f"{ds.get('ProtocolName', '')} \u91d1\u4e1d\u96c0 {BIRTH_DATE}"
    ds.ImageComments = f"ZQKOMMENT call {PHONE}"
    ds.StudyDescription = f"MR liver {NAME}"
    request = Dataset()
    request.RequestedProcedureID, request.RequestedProcedureDescription = ACCESSION, f"liver of {NAME}"
    ds.RequestAttributesSequence = [request]
    # Values that a site's own software may write, and a code of a site's own list.
    ds.ImageType = [*ds.get("ImageType", ["ORIGINAL", "PRIMARY"]), "ZQTYPE"]
    own = Dataset()
    own.CodeValue, own.CodingSchemeDesignator, own.CodeMeaning = "ZQ-17", "99ZQ", "liver"
    own.CodingSchemeVersion = "ZQTYPE"
    ds.AnatomicRegionSequence = [own]
    # An element that no table knows, a private block of nobody's, and one inside what stays.
    ds.add_new((0x0009, 0x0010), "LO", "ZQPRIVATE 1.0")
    ds.add_new((0x0009, 0x1001), "LO", NAME)
    ds.add_new((0x0029, 0x0010), "LO", "SIEMENS CSA HEADER")
    ds.add_new((0x0029, 0x1010), "OB", f"SV10 {NAME}^{GIVEN} {BIRTH_DATE} ".encode())
    ds.add_new((0x6000, 0x3000), "OW", NAME.encode().ljust(10))
    place = ds.SharedFunctionalGroupsSequence[0] if "SharedFunctionalGroupsSequence" in ds else ds
    place.add_new((0x0051, 0x0010), "LO", "SIEMENS MR HEADER")
    place.add_new((0x0051, 0x1019), "LO", f"{NAME} {PATIENT_ID}")
    ds.preamble = NAME.encode().ljust(128)
    ds.file_meta.SourceApplicationEntityTitle = STATION
    ds.save_as(path)
    uids = {
        str(element.value) for element in ds.iterall() if element.VR == "UI" and isinstance(element.value, UID)
    }
    return frozenset(uid for uid in uids if not uid.startswith("1.2.840.10008."))
