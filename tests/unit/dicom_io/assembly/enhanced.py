"""Multi-frame objects for tests: several phases of one stack in one Enhanced MR instance."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import EnhancedMRImageStorage, generate_uid

from tests.unit.dicom_io.assembly.header_studies import AXIAL, SLICES, StudyWriter, blank, fill_pixels


def item(**elements: Any) -> Dataset:
    """Return a data set with `elements`."""
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def group(**elements: Any) -> Items:
    """Return a sequence of one item."""
    return Items([item(**elements)])


def write_enhanced(
    writer: StudyWriter,
    description: str,
    times_s: Sequence[float],
    *,
    frame_types: Sequence[Sequence[str]] = (("ORIGINAL", "PRIMARY", "T1", "NONE"),),
    slopes: Sequence[float] = (1.0,),
) -> Path:
    """Write one Enhanced MR instance: every frame type of every phase, slices from the top down.

    Parameters
    ----------
    times_s
        Acquisition time of each phase after the start, s.
    frame_types
        Frame Type of each kind of image.
    slopes
        Rescale Slope by slice, repeated.
    """
    ds = blank(EnhancedMRImageStorage)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = writer.study_instance_uid, generate_uid()
    ds.FrameOfReferenceUID, ds.PatientID = writer.frame_of_reference_uid, writer.patient_id
    ds.SeriesDescription, ds.SeriesNumber, ds.Modality = description, 50, "MR"
    ds.Manufacturer, ds.MRAcquisitionType, ds.EchoPulseSequence = writer.vendor, "3D", "GRADIENT"
    ds.MagneticFieldStrength, ds.InstanceNumber = 3, 1
    ds.SharedFunctionalGroupsSequence = group(
        PixelMeasuresSequence=group(PixelSpacing=[1.5, 1.5], SliceThickness=5),
        PlaneOrientationSequence=group(ImageOrientationPatient=AXIAL),
        MRTimingAndRelatedParametersSequence=group(RepetitionTime=3.7, FlipAngle=12, RFEchoTrainLength=1),
        MREchoSequence=group(EffectiveEchoTime=1.3),
        MRModifierSequence=group(SpectrallySelectedSuppression="FAT"),
    )
    frames = []
    for number, time_s in enumerate(times_s, start=1):
        stamp = writer.times(time_s)
        moment = stamp["AcquisitionDate"] + stamp["AcquisitionTime"]
        for frame_type in frame_types:
            frames += [
                item(
                    FrameContentSequence=group(TemporalPositionIndex=number, FrameAcquisitionDateTime=moment),
                    PlanePositionSequence=group(ImagePositionPatient=[0, 0, 5.0 * k]),
                    MRImageFrameTypeSequence=group(FrameType=list(frame_type), ComplexImageComponent="MAGNITUDE"),
                    PixelValueTransformationSequence=group(
                        RescaleSlope=slopes[k % len(slopes)], RescaleIntercept=0, RescaleType="US"
                    ),
                )
                for k in reversed(range(SLICES))
            ]
    ds.PerFrameFunctionalGroupsSequence = Items(frames)
    ds.NumberOfFrames = len(frames)
    fill_pixels(ds, len(frames))
    return writer.save(ds)
