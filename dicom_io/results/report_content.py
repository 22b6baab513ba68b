"""Content items that an analysis report and a refusal have in common (PS3.16 TID 1500)."""

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as dcm_codes
from pydicom.sr.coding import Code

from dicom_io.results import codes
from dicom_io.results.product import MANUFACTURER, MODEL_NAME, RESEARCH_NOTICE, Product

CONTAINS = sr.RelationshipTypeValues.CONTAINS
PROPERTIES = sr.RelationshipTypeValues.HAS_PROPERTIES
MODIFIER = sr.RelationshipTypeValues.HAS_CONCEPT_MOD

MeasurementGroup = (
    sr.VolumetricROIMeasurementsAndQualitativeEvaluations
    | sr.PlanarROIMeasurementsAndQualitativeEvaluations
    | sr.MeasurementsAndQualitativeEvaluations
)


def text(name: Code, value: str) -> sr.TextContentItem:
    """Return a TEXT that a container CONTAINS."""
    return sr.TextContentItem(name=name, value=value, relationship_type=CONTAINS)


def observer(product: Product) -> sr.ObservationContext:
    """Return the software as the device that observed (TID 1004)."""
    return sr.ObservationContext(
        observer_device_context=sr.ObserverContext(
            observer_type=dcm_codes.DCM.Device,
            observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
                uid=product.device_uid,
                name=f"{MODEL_NAME} {product.software_version}",
                manufacturer_name=MANUFACTURER,
                model_name=MODEL_NAME,
                serial_number=product.serial_number,
            ),
        )
    )


def algorithm(product: Product, parameters: dict[str, str]) -> sr.AlgorithmIdentification | None:
    """Return the model as an algorithm (TID 4019); None where none was loaded."""
    model = product.model
    if model is None:
        return None
    return sr.AlgorithmIdentification(
        name=model.name,
        version=model.version,
        manufacturer=f"{MANUFACTURER} {product.software_version}",
        parameters=[f"{key}={value}" for key, value in {**parameters, "model_sha256": model.sha256}.items()],
        family=codes.ARTIFICIAL_INTELLIGENCE,
    )


def evidence_group(
    tracking_uid: str,
    tracking_id: str,
    items: list[sr.TextContentItem],
    algorithm_id: sr.AlgorithmIdentification | None,
) -> sr.MeasurementsAndQualitativeEvaluations:
    """Return a measurement group of texts (TID 1501).

    It has no NUM: OHIF fails on a number without children in a group without coordinates.
    """
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=tracking_uid, identifier=tracking_id)
    )
    # The order is free (TID 1501): what a reader came for stands before the model.
    group[0].ContentSequence.extend([*items, *(algorithm_id or ())])
    return group


def close_document(document: sr.MeasurementReport, summary: Code) -> None:
    """Add what belongs to the whole document: how processing ended, and the research notice."""
    root = document[0].ContentSequence
    root.append(sr.CodeContentItem(name=codes.PROCESSING_SUMMARY, value=summary, relationship_type=CONTAINS))
    root.append(text(codes.COMMENT, RESEARCH_NOTICE))
    _separate(document[0])


def _separate(item: Dataset) -> None:
    """Mark every container as a list of items; highdicom marks prose, of which readers show no concept names."""
    if item.ValueType == "CONTAINER":
        item.ContinuityOfContent = "SEPARATE"
    for child in item.get("ContentSequence", []):
        _separate(child)
