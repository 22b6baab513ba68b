"""Elastix parameter files: the text format of elastix, read into a mapping."""

import re
from importlib.resources import files

ParameterMap = dict[str, tuple[str, ...]]
"""Name of a parameter to its values, as text."""

_ENTRY = re.compile(r'^\((\w+)((?:\s+(?:"[^"]*"|[^\s")]+))+)\s*\)$')
_VALUE = re.compile(r'"([^"]*)"|([^\s")]+)')


def read_parameter_map(name: str = "rigid") -> ParameterMap:
    """Read ``config/elastix/NAME.txt``."""
    return parse_parameter_map((files("config") / "elastix" / f"{name}.txt").read_text(encoding="utf-8"))


def parse_parameter_map(text: str) -> ParameterMap:
    """Parse an elastix parameter file.

    Raises
    ------
    ValueError
        A line is neither empty, nor a comment, nor an entry, or a name occurs twice.
    """
    parameters: ParameterMap = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("//"):
            continue
        entry = _ENTRY.match(line)
        if entry is None or entry.group(1) in parameters:
            raise ValueError(f"line {number} is not an elastix parameter, or occurs twice: {line}")
        parameters[entry.group(1)] = tuple(a or b for a, b in _VALUE.findall(entry.group(2)))
    return parameters
