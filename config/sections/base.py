"""What every section of node.toml is made of."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def ae_title_of(value: str) -> str:
    """Return a title that an application entity may have."""
    if not re.fullmatch(r"[ -\[\]-~]{1,16}", value) or not value.strip():
        raise ValueError("an AE title has 1 to 16 characters, ASCII and no backslash")
    return value


def printable(value: str) -> str:
    """Return a text that is printable, on one line, without spaces around it."""
    if not value.isprintable() or value != value.strip():
        raise ValueError("must be printable, on one line, without spaces around it")
    return value


def host_name(value: str) -> str:
    """Return a host name or an address."""
    if not re.fullmatch(r"[\w.:%-]+", value):
        raise ValueError("must be a host name or an address: letters, digits, dots, hyphens, colons")
    return value


def web_address(value: str) -> str:
    """Return an address of the web, or an empty text."""
    if not re.fullmatch(r"(https?://\S+)?", value):
        raise ValueError("must be an address that begins with http:// or https://, without spaces")
    return value


AETitle = Annotated[str, AfterValidator(ae_title_of)]
"""1 to 16 characters of the default repertoire without backslash, not all spaces (PS3.5 6.2, VR AE)."""


Port = Annotated[int, Field(ge=0, le=65535)]


class Section(BaseModel):
    """Base of every section: immutable, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
