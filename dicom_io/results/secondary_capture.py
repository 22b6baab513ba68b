"""The summary page as a DICOM Secondary Capture."""

from datetime import datetime

import numpy as np
import numpy.typing as npt
from highdicom import CoordinateSystemNames, PhotometricInterpretationValues
from highdicom.sc import SCImage
from pydicom.dataset import Dataset

from dicom_io.results.headers import copy_patient_and_study
from dicom_io.results.product import MANUFACTURER, MODEL_NAME, RESEARCH_NOTICE, Product, stamp
from dicom_io.results.uids import ResultUids

SERIES_NUMBER = 9003


def build_secondary_capture(
    page: npt.NDArray[np.uint8], source: Dataset, *, product: Product, uids: ResultUids, now: datetime
) -> SCImage:
    """Wrap a page as a Secondary Capture (PS3.3 A.8.1).

    Parameters
    ----------
    page
        (rows, columns, 3) uint8, RGB; names no patient.
    source
        Header of the study.
    product, uids, now
        As for the other results.
    """
    image = SCImage(
        pixel_array=page,
        photometric_interpretation=PhotometricInterpretationValues.RGB,
        bits_allocated=8,
        coordinate_system=CoordinateSystemNames.PATIENT,
        patient_orientation=("L", "P"),
        study_instance_uid=str(source.StudyInstanceUID),
        series_instance_uid=uids.series("SC"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=uids.instance("SC"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL_NAME,
        software_versions=product.software_versions[0],
        device_serial_number=product.serial_number,
        series_description="AI MVI summary - research use only",
    )
    copy_patient_and_study(source, image)
    stamp(image, product, now)
    image.DateOfSecondaryCapture, image.TimeOfSecondaryCapture = image.ContentDate, image.ContentTime
    # A page of several pictures has no one orientation; highdicom asks for one, PS3.3 C.7.6.1.1.1 allows none.
    image.PatientOrientation = []
    # An unpaired organ: without it, Laterality would be asked for.
    image.BodyPartExamined = "LIVER"
    image.ConversionType = "WSD"
    image.BurnedInAnnotation = "NO"
    image.ImageComments = RESEARCH_NOTICE
    return image
