"""What every section of node.toml is made of."""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from config.errors import WrongKeyError

NEXT_PROBLEM = "\n"
"""Between problems that one error of validation holds."""
RULES_LATER = "rules later"
"""Context of a validation that leaves the rules between keys to `Section.misfits`."""


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


def web_root(value: str) -> str:
    """Return an address of the web that paths are added to, or an empty text."""
    if web_address(value).endswith("/"):
        raise ValueError("must not end with a slash")
    return value


def folder_name(value: object) -> object:
    """Return the name of a folder as it is, but no empty one: that would be wherever the program starts."""
    if isinstance(value, str) and not value.strip():
        raise ValueError("must name a folder")
    return value


AETitle = Annotated[str, AfterValidator(ae_title_of)]
"""1 to 16 characters of the default repertoire without backslash, not all spaces (PS3.5 6.2, VR AE)."""


HostName = Annotated[str, AfterValidator(host_name)]
"""Of another machine, or of an interface of this one."""


Port = Annotated[int, Field(ge=0, le=65535)]


class Section(BaseModel):
    """Base of every section: immutable, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    key_rules: ClassVar[tuple[Callable[[Any], str], ...]] = ()
    """Each says what is wrong between keys of the section, or nothing."""

    def misfits(self) -> list[str]:
        """Say what is wrong between the keys; a rule that needs one whose own value is wrong says nothing."""
        said = []
        for rule in self.key_rules:
            with suppress(WrongKeyError):
                said.append(rule(self))
        return [problem for problem in said if problem]

    def forget(self, keys: Iterable[str]) -> None:
        """Make the values of wrong keys unknown: to ask for one raises `WrongKeyError`."""
        for key in keys:
            vars(self).pop(key, None)

    @model_validator(mode="after")
    def _keys_fit_one_another(self, info: ValidationInfo) -> Self:
        problems = [] if info.context == RULES_LATER else self.misfits()
        if problems:
            raise ValueError(NEXT_PROBLEM.join(problems))
        return self

    if not TYPE_CHECKING:  # To the type checker every name would be a key.

        def __getattr__(self, name: str) -> Any:
            """Refuse a key that was forgotten."""
            if name in type(self).model_fields:
                section = type(self).__name__.removesuffix("Section").lower()
                raise WrongKeyError(name if section == "settings" else f"{section}.{name}")
            return super().__getattr__(name)
