"""Lesions of a label map: components, margin, size."""

from pipeline.lesions.delineation import TUMOUR_LABEL, Delineation, delineate, least_contact
from pipeline.lesions.margins import margin_around
from pipeline.lesions.measurement import longest_diameter_mm, measure
from pipeline.lesions.settings import LesionSettings

__all__ = [
    "TUMOUR_LABEL",
    "Delineation",
    "LesionSettings",
    "delineate",
    "least_contact",
    "longest_diameter_mm",
    "margin_around",
    "measure",
]
