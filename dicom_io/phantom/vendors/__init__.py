"""The scanners of the phantom, one module each; `DIALECTS` by their names on the command line."""

from collections.abc import Mapping
from types import MappingProxyType

from dicom_io.phantom.dialect import Dialect
from dicom_io.phantom.vendors.canon import CANON, TOSHIBA
from dicom_io.phantom.vendors.ge import GE
from dicom_io.phantom.vendors.philips import PHILIPS
from dicom_io.phantom.vendors.philips_enhanced import PHILIPS_ENHANCED
from dicom_io.phantom.vendors.siemens import SIEMENS
from dicom_io.phantom.vendors.siemens_xa import SIEMENS_XA
from dicom_io.phantom.vendors.uih import UIH
from dicom_io.phantom.vendors.unknown import UNKNOWN

__all__ = ["DIALECTS"]

DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        dialect.name: dialect
        for dialect in (
            GE,
            SIEMENS,
            SIEMENS_XA,
            PHILIPS,
            PHILIPS_ENHANCED,
            UIH,
            CANON,
            TOSHIBA,
            UNKNOWN,
        )
    }
)
"""By name on the command line."""
