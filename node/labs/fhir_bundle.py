"""Which resources of a search result are Observations of the patient that was asked for."""

import hashlib
import json
import logging
from collections.abc import Sequence

from config.errors import NodeError
from node.labs.fhir_shape import Element as Resource
from node.labs.fhir_shape import object_of, objects_of, text_of

logger = logging.getLogger(__name__)


class FhirError(NodeError):
    """The server cannot be reached, refuses, or answers what is no search result; without patient data."""


class FhirUnreachableError(FhirError):
    """Nothing answers there, or not in time."""


class FhirAmbiguousError(FhirError):
    """The identifier asked for is that of several patients; nobody can say whose a value is."""


def observations_of(entries: Sequence[Resource], patient_id: str, system: str) -> list[Resource]:
    """Return the Observations of one patient, and of no other, whatever the server sends along.

    Parameters
    ----------
    entries
        Of all pages: an Observation may refer to a Patient of another page.
    system
        Of patient identifiers; empty: the identifier alone counts, as long as one patient alone has it.

    Raises
    ------
    FhirAmbiguousError
        Several patients have the identifier.
    FhirError
        The server says that something is missing.
    ShapeError
        An entry, or whom it belongs to, is malformed.
    """
    theirs = {key for entry in entries for key in _names_of(entry, patient_id, system)}
    resources = [object_of(entry, "resource") for entry in entries]
    _demand_whole(resources)
    found = [item for item in resources if item.get("resourceType") == "Observation"]
    _demand_one_patient(resources, found, patient_id, system)
    ours = [item for item in found if _is_of(item, theirs, patient_id, system)]
    if len(ours) < len(found):
        logger.warning(
            "results of other patients from the laboratory server not used count=%d", len(found) - len(ours)
        )
    return ours


def digest(resource: Resource) -> str:
    """Return a digest of whatever a resource says."""
    return hashlib.sha256(json.dumps(resource, sort_keys=True, default=str).encode()).hexdigest()


def _demand_whole(resources: Sequence[Resource]) -> None:
    """Raise where the server says among the results that some could not be found out (FHIR R4 http, 3.1.0.4.1)."""
    for resource in resources:
        if resource.get("resourceType") == "OperationOutcome":
            severities = {text_of(issue, "severity") for issue in objects_of(resource, "issue")}
            if severities & {"fatal", "error"}:
                raise FhirError("the FHIR server says that its answer is not whole")


def _demand_one_patient(
    resources: Sequence[Resource], observations: Sequence[Resource], patient_id: str, system: str
) -> None:
    """Raise where several patients have the identifier: an identifier is unique within its system alone."""
    patients = [item for item in resources if item.get("resourceType") == "Patient"]
    asked_for = [_matching(objects_of(item, "identifier"), patient_id, system) for item in patients]
    # The same Patient may stand on several pages.
    count = len({text_of(item, "id") for item, systems in zip(patients, asked_for, strict=True) if systems})
    named = [object_of(object_of(item, "subject"), "identifier") for item in observations]
    logical = _matching(named, patient_id, system)
    # Without a system only the Patient itself says of which one an Observation is that names an identifier alone.
    unsure = not system and not logical <= {name for systems in asked_for for name in systems}
    if count > 1 or unsure:
        raise FhirAmbiguousError(
            "the FHIR server knows several patients by one identifier"
            + ("" if system else "; set labs.fhir_identifier_system")
        )


def _matching(identifiers: Sequence[Resource], patient_id: str, system: str) -> set[str]:
    """Return the systems of those identifiers that are the one asked for."""
    return {text_of(item, "system") for item in identifiers if _is_identifier(item, patient_id, system)}


def _names_of(entry: Resource, patient_id: str, system: str) -> list[str]:
    """Return how an Observation may refer to a Patient that has the identifier asked for."""
    resource = object_of(entry, "resource")
    if resource.get("resourceType") != "Patient":
        return []
    if not any(_is_identifier(item, patient_id, system) for item in objects_of(resource, "identifier")):
        return []
    number = text_of(resource, "id")
    return [name for name in (f"Patient/{number}" if number else "", text_of(entry, "fullUrl")) if name]


def _is_of(observation: Resource, theirs: set[str], patient_id: str, system: str) -> bool:
    subject = object_of(observation, "subject")
    reference = text_of(subject, "reference")
    if reference:
        return reference in theirs
    return _is_identifier(object_of(subject, "identifier"), patient_id, system)


def _is_identifier(identifier: Resource, patient_id: str, system: str) -> bool:
    return identifier.get("value") == patient_id and (not system or identifier.get("system") == system)
