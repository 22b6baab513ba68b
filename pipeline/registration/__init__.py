"""Rigid alignment of every sequence to the hepatobiliary phase (elastix)."""

from pipeline.registration.alignment import register
from pipeline.registration.settings import RegistrationSettings

__all__ = ["RegistrationSettings", "register"]
