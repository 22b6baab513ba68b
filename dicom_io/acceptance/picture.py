"""The summary page of a result as a picture that a browser shows."""

from io import BytesIO
from pathlib import Path

from PIL import Image

from dicom_io.reading import read_file

MOST_PIXELS = 2**25


def png_of(path: Path) -> bytes:
    """Return a Secondary Capture of RGB pixels without compression as PNG.

    Raises
    ------
    ValueError
        It is no such picture, or too large.
    """
    with path.open("rb") as file:
        ds = read_file(file)
    rows, columns = int(ds.get("Rows") or 0), int(ds.get("Columns") or 0)
    pixels = bytes(ds.get("PixelData") or b"")
    if ds.get("PhotometricInterpretation") != "RGB" or not 0 < rows * columns <= MOST_PIXELS:
        raise ValueError("not a summary page")
    if int(ds.get("PlanarConfiguration") or 0) or len(pixels) < rows * columns * 3:
        raise ValueError("not a summary page")
    buffer = BytesIO()
    Image.frombytes("RGB", (columns, rows), pixels[: rows * columns * 3]).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
