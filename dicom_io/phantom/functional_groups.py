"""Functional groups of an Enhanced MR object: what all frames share, and one item a frame (PS3.3 C.7.6.16)."""

from typing import Any

from pydicom import Dataset

from dicom_io.phantom.common import MAGNET_HZ_PER_T, decimal, decimals, orientation, scan_options, window
from dicom_io.phantom.dialect import Dialect, MultiFrame, Slice, date_time_text, later
from dicom_io.phantom.plan import Agent, Making, SeriesPlan, Technique

FRAME_DURATION_MS = 17_000.0
"""A breath-hold."""

ABDOMEN = ("113345001", "SCT", "Abdomen")

_SPIN_ECHO = (Technique.TSE, Technique.SINGLE_SHOT)


def item(**elements: Any) -> Dataset:
    """Return a data set with these elements."""
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return a code sequence item."""
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def shared_groups(plan: SeriesPlan, dialect: Dialect, field_strength_t: float) -> Dataset:
    """Return what all frames of an object have in common."""
    words, parameters = dialect.words[plan.parameters.technique], plan.parameters
    rf_train = words.train if parameters.technique in _SPIN_ECHO else 0
    timing = item(
        RepetitionTime=parameters.tr_ms,
        EchoTrainLength=words.train,
        FlipAngle=parameters.flip_deg,
        OperatingModeSequence=[item(OperatingModeType="GRADIENT", OperatingMode="IEC_NORMAL")],
        GradientOutputType="DB_DT",
        GradientOutput=40.0,
        SpecificAbsorptionRateSequence=[
            item(SpecificAbsorptionRateDefinition="IEC_WHOLE_BODY", SpecificAbsorptionRateValue=0.9)
        ],
        RFEchoTrainLength=rf_train,
        GradientEchoTrainLength=0 if rf_train else words.train,
    )
    return item(
        MRImagingModifierSequence=[
            item(
                PixelBandwidth=500,
                MagnetizationTransfer="NONE",
                BloodSignalNulling="NO",
                Tagging="NONE",
                TransmitterFrequency=round(MAGNET_HZ_PER_T * field_strength_t, 6),
            )
        ],
        MRReceiveCoilSequence=[
            item(
                ReceiveCoilName="PHANTOM ARRAY",
                ReceiveCoilManufacturerName="",
                ReceiveCoilType="MULTICOIL",
                QuadratureReceiveCoil="NO",
                MultiCoilDefinitionSequence=[item(MultiCoilElementName="B1", MultiCoilElementUsed="YES")],
            )
        ],
        MRTransmitCoilSequence=[
            item(TransmitCoilName="BODY", TransmitCoilManufacturerName="", TransmitCoilType="BODY")
        ],
        MRTimingAndRelatedParametersSequence=[timing],
        MRModifierSequence=[
            item(
                InversionRecovery="NO",
                FlowCompensation="NONE",
                Spoiling="RF",
                T2Preparation="NO",
                SpectrallySelectedExcitation="NONE",
                SpatialPresaturation="NONE",
                PartialFourier="NO",
                ParallelAcquisition="NO",
            )
        ],
        MRAveragesSequence=[item(NumberOfAverages=1)],
        FrameAnatomySequence=[item(AnatomicRegionSequence=[code(*ABDOMEN)], FrameLaterality="U")],
    )


def frame_groups(image: Slice, style: MultiFrame, indices: list[int]) -> Dataset:
    """Return the functional groups that are a frame's own: its content, its place, the vendor's.

    Parameters
    ----------
    indices
        Dimension Index Values.
    """
    # The plan says when the centre of k-space was acquired; a frame says when its acquisition began.
    began = later(image.acquired_at, -FRAME_DURATION_MS / 2000)
    place = image.part.volume.grid.to_lps_mm([0, 0, image.k])
    content = item(
        FrameAcquisitionDateTime=date_time_text(began),
        FrameReferenceDateTime=date_time_text(image.acquired_at),
        FrameAcquisitionDuration=FRAME_DURATION_MS * style.duration_factor,
        StackID="1",
        InStackPositionNumber=image.k + 1,
        TemporalPositionIndex=image.phase,
        FrameAcquisitionNumber=1,
        DimensionIndexValues=indices,
    )
    groups = item(
        FrameContentSequence=[content],
        PlanePositionSequence=[item(ImagePositionPatient=decimals(place.tolist()))],
    )
    style.write_frame(groups, image)
    return groups


def volume_groups(image: Slice, dialect: Dialect, style: MultiFrame, agent: Agent) -> Dataset:
    """Return the functional groups that the frames of a volume have alike.

    Parameters
    ----------
    agent
        Says whether there is a contrast to speak of.
    """
    part, grid = image.part, image.part.volume.grid
    rows, columns = grid.shape[1:]
    x, y, z = grid.spacing_xyz_mm
    centre, width = window(float(part.volume.array.max()))
    te_ms = part.te_ms if part.te_ms is not None else image.plan.parameters.te_ms
    groups = item(
        MREchoSequence=[item(EffectiveEchoTime=te_ms)],
        MRFOVGeometrySequence=[
            item(
                PercentSampling=100,
                PercentPhaseFieldOfView=100,
                InPlanePhaseEncodingDirection="COLUMN",
                MRAcquisitionFrequencyEncodingSteps=columns,
                MRAcquisitionPhaseEncodingStepsInPlane=rows,
                **({"MRAcquisitionPhaseEncodingStepsOutOfPlane": image.slices} if _is_3d(image, dialect) else {}),
            )
        ],
        PlaneOrientationSequence=[item(ImageOrientationPatient=orientation(grid))],
        PixelMeasuresSequence=[
            item(SliceThickness=decimal(z), SpacingBetweenSlices=decimal(z), PixelSpacing=decimals([y, x]))
        ],
        FrameVOILUTSequence=[item(WindowCenter=centre, WindowWidth=width)],
        PixelValueTransformationSequence=[item(RescaleIntercept=0, RescaleSlope=1, RescaleType="US")],
        MRImageFrameTypeSequence=[_frame_type(image, style)],
    )
    if part.b_s_per_mm2 is not None or part.making is Making.ADC:
        groups.MRDiffusionSequence = [_diffusion(image)]
    if agent.name and (image.plan.enhanced or agent.before_too):
        groups.ContrastBolusUsageSequence = [usage(image, agent)]
    return groups


def image_words(image_type: tuple[str, ...]) -> dict[str, str]:
    """Return the common image description macros that object and frame carry alike (PS3.3 C.8.16.2)."""
    contrast = "DIFFUSION" if "DIFFUSION" in image_type else "UNKNOWN"
    return {
        "PixelPresentation": "MONOCHROME",
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
        "ComplexImageComponent": "MAGNITUDE",
        "AcquisitionContrast": contrast,
    }


def fat_suppression(plan: SeriesPlan, dialect: Dialect) -> str:
    """Return Spectrally Selected Suppression."""
    return "FAT" if "FS" in scan_options(plan, dialect) else "NONE"


def _is_3d(image: Slice, dialect: Dialect) -> bool:
    return dialect.words[image.plan.parameters.technique].dimensions == "3D"


def _frame_type(image: Slice, style: MultiFrame) -> Dataset:
    words = style.frame_type(image)
    return item(FrameType=list(words), **image_words(words))


def _diffusion(image: Slice) -> Dataset:
    part = image.part
    if not part.b_s_per_mm2:
        return item(DiffusionBValue=0.0, DiffusionDirectionality="NONE")
    if part.gradient is None:
        return item(DiffusionBValue=part.b_s_per_mm2, DiffusionDirectionality="ISOTROPIC")
    return item(
        DiffusionBValue=part.b_s_per_mm2,
        DiffusionDirectionality="DIRECTIONAL",
        DiffusionGradientDirectionSequence=[item(DiffusionGradientOrientation=list(part.gradient))],
    )


def describe_agent(ds: Dataset, said: Dataset) -> None:
    """Describe the contrast agent of a multi-frame object (PS3.3 C.7.6.4b) as the classic elements `said`."""
    if "ContrastBolusAgent" not in said:
        return
    name, volume_ml, start = said.ContrastBolusAgent, said.ContrastBolusVolume, said.get("ContrastBolusStartTime")
    codes = said.get("ContrastBolusAgentSequence") or [code("TYPED", "99PHANTOM", name)]
    for keyword in [element.keyword for element in ds if element.keyword.startswith("Contrast")]:
        del ds[keyword]
    agent = code(codes[0].CodeValue, codes[0].CodingSchemeDesignator, codes[0].CodeMeaning)
    agent.update(
        item(
            ContrastBolusAgentNumber=1,
            ContrastBolusIngredientCodeSequence=[code("C-17800", "SRT", "Gadolinium")],
            ContrastBolusVolume=volume_ml,
            ContrastBolusIngredientConcentration=181.43,
            ContrastBolusAdministrationRouteSequence=[code("47625008", "SCT", "Intravenous route")],
        )
    )
    if start is not None:
        agent.ContrastAdministrationProfileSequence = [
            item(ContrastBolusVolume=volume_ml, ContrastBolusStartTime=start)
        ]
        ds.ContrastBolusStartTime = start
    ds.ContrastBolusAgent, ds.ContrastBolusAgentSequence = name, [agent]


def usage(image: Slice, agent: Agent) -> Dataset:
    """Return what a frame has to do with the agent (PS3.3 C.7.6.16.2.12)."""
    given = agent.given and image.part.at_s > 0
    return item(
        ContrastBolusAgentNumber=1,
        ContrastBolusAgentAdministered="YES" if given else "NO",
        ContrastBolusAgentDetected="YES" if given else "NO",
        **({"ContrastBolusAgentPhase": "POST_CONTRAST"} if given else {}),
    )
