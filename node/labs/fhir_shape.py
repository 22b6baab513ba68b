"""Elements of what a FHIR server sends, taken only in the shape that FHIR R4 gives them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from config.errors import NodeError

Element = Mapping[str, Any]


class ShapeError(NodeError):
    """An element is of another kind than FHIR says: nothing can be read out of it safely.

    Parameters
    ----------
    name
        Of the element; its content may hold a patient's data.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"its element {name} is malformed")


def object_of(parent: Element, name: str) -> Element:
    """Return an element that has elements of its own; empty where it is absent."""
    found = parent.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ShapeError(name)
    return found


def objects_of(parent: Element, name: str) -> list[Element]:
    """Return an element that repeats, each with elements of its own; empty where it is absent."""
    found = parent.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise ShapeError(name)
    return list(found)


def text_of(parent: Element, name: str) -> str:
    """Return a text; empty where it is absent."""
    found = parent.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise ShapeError(name)
    return found


def number_of(parent: Element, name: str) -> str:
    """Return a number as it was written; empty where it is absent."""
    found = parent.get(name)
    if found is None:
        return ""
    if isinstance(found, bool) or not isinstance(found, int | Decimal):
        raise ShapeError(name)
    return str(found)
