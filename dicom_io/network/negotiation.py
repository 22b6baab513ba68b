"""Which SOP classes and transfer syntaxes are negotiated (PS3.4 B.5, PS3.5 A)."""

from pydicom import uid
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification  # type: ignore[attr-defined]  # made at run time

VERIFICATION_SOP_CLASS_UID = "1.2.840.10008.1.1"
STORAGE_COMMITMENT_SOP_CLASS_UID = "1.2.840.10008.1.20.1"
STORAGE_COMMITMENT_INSTANCE_UID = "1.2.840.10008.1.20.1.1"
"""The well-known instance of the Push Model (PS3.4 J.3.5)."""
STUDY_ROOT_FIND_SOP_CLASS_UID = "1.2.840.10008.5.1.4.1.2.2.1"

STORAGE_SOP_CLASSES: tuple[str, ...] = (
    uid.MRImageStorage,
    uid.EnhancedMRImageStorage,
    uid.LegacyConvertedEnhancedMRImageStorage,
    # Below: kept as context and not analysed, so that no PACS aborts because one context is refused.
    uid.EnhancedMRColorImageStorage,
    uid.MRSpectroscopyStorage,
    uid.RawDataStorage,
    uid.SecondaryCaptureImageStorage,
    uid.MultiFrameSingleBitSecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    uid.MultiFrameTrueColorSecondaryCaptureImageStorage,
    uid.GrayscaleSoftcopyPresentationStateStorage,
    uid.ColorSoftcopyPresentationStateStorage,
    uid.PseudoColorSoftcopyPresentationStateStorage,
    uid.BlendingSoftcopyPresentationStateStorage,
    uid.AdvancedBlendingPresentationStateStorage,
    uid.EncapsulatedPDFStorage,
    uid.BasicTextSRStorage,
    uid.EnhancedSRStorage,
    uid.ComprehensiveSRStorage,
    uid.Comprehensive3DSRStorage,
    uid.ExtensibleSRStorage,
    uid.KeyObjectSelectionDocumentStorage,
    uid.SegmentationStorage,
    uid.SurfaceSegmentationStorage,
    uid.ParametricMapStorage,
    uid.RealWorldValueMappingStorage,
    uid.SpatialRegistrationStorage,
    uid.DeformableSpatialRegistrationStorage,
    uid.SpatialFiducialsStorage,
    "1.2.840.10008.5.1.4.1.1.66.7",  # Label Map Segmentation Storage, younger than pydicom's names.
    # Private ones that scanners put beside their MR images, from the conformance statements of their makers.
    "1.3.12.2.1107.5.9.1",  # Siemens CSA Non-Image Storage
    "1.3.12.2.1107.5.99.3.10",  # Siemens CT MR Volume Storage
    "1.3.46.670589.11.0.0.12.1",  # Philips MR Spectrum Storage
    "1.3.46.670589.11.0.0.12.2",  # Philips MR Series Data Storage
    "1.3.46.670589.11.0.0.12.3",  # Philips MR Color Image Storage
    "1.3.46.670589.11.0.0.12.4",  # Philips MR Examcard Storage
)

TRANSFER_SYNTAXES: tuple[str, ...] = (
    # The acceptor's order decides, so the preferred one is first. Deflated Explicit VR is left out on purpose:
    # 2 MB of it may inflate to 2 GB.
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.JPEGLosslessSV1,
    uid.JPEGLossless,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
    uid.HTJ2KLossless,
    uid.HTJ2KLosslessRPCL,
    uid.RLELossless,
    uid.ExplicitVRBigEndian,
    # Lossy, which the matching refuses with its reason; a refused context would only hide it.
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
    uid.JPEGLSNearLossless,
    uid.JPEG2000,
    uid.HTJ2K,
)

UNCOMPRESSED_TRANSFER_SYNTAXES: tuple[str, ...] = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian)


def acceptor_contexts(*, commits_storage: bool) -> list[PresentationContext]:
    """Return the presentation contexts of a receiver.

    Parameters
    ----------
    commits_storage
        True for a PACS, which takes N-ACTION requests as SCP. False for a sender that only takes the
        N-EVENT-REPORT of a PACS on an association which that PACS opens, in the SCU role (PS3.4 J.3.3).
    """
    contexts = [_context(sop_class, TRANSFER_SYNTAXES) for sop_class in STORAGE_SOP_CLASSES]
    contexts.append(_context(Verification, UNCOMPRESSED_TRANSFER_SYNTAXES))
    commitment = _context(StorageCommitmentPushModel, UNCOMPRESSED_TRANSFER_SYNTAXES)
    if not commits_storage:
        # Both roles: some PACS report without proposing role selection and mean it all the same.
        commitment.scu_role = commitment.scp_role = True
    contexts.append(commitment)
    return contexts


def _context(abstract_syntax: str, transfer_syntaxes: tuple[str, ...]) -> PresentationContext:
    context = PresentationContext()
    context.abstract_syntax = uid.UID(abstract_syntax)
    context.transfer_syntax = [uid.UID(item) for item in transfer_syntaxes]
    return context
