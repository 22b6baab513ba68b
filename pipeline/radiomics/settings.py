"""What is extracted; the commented twin for stock pyradiomics is config/radiomics.yaml."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Width = Annotated[float, Field(gt=0, le=20)]


class RadiomicsSettings(BaseModel):
    """Settings of pyradiomics 3.0.1; part of the model bundle.

    The names follow the parameters of pyradiomics; config/radiomics.yaml says why each has its value, and a test
    keeps both equal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    normalize_scale: Annotated[float, Field(gt=0)] = 100.0
    """Standard deviation of each sequence after normalisation to mean 0, a.u."""
    voxel_array_shift: float = 300.0
    """Added before energy and root mean square, so that no intensity is negative, a.u."""
    bin_count: Annotated[int, Field(ge=2, le=256)] = 32
    """Number of grey levels in each region of each filtered image."""
    wavelet: Literal["haar", "coif1", "coif2", "coif3"] = "coif1"
    """Wavelet of pywt, one level."""
    log_sigma_mm: tuple[Width, Width, Width, Width] = (2.0, 3.0, 4.0, 5.0)
    """Standard deviations of the four Laplacian-of-Gaussian filters, mm."""
    processes: Annotated[int, Field(ge=1, le=6)] = 1
    """Worker processes over the sequences; 1 computes in this process."""
