"""Rigid alignment of every sequence to the hepatobiliary phase (elastix)."""

from pipeline.registration.alignment import register
from pipeline.registration.settings import RegistrationSettings
from pipeline.registration.similarity import FixedPoints

__all__ = ["FixedPoints", "RegistrationSettings", "register"]
