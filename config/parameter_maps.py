"""Elastix parameter files: the text format of elastix, read into a mapping."""

import re
from importlib.resources import files
from typing import Final

from config.errors import ConfigError

ParameterMap = dict[str, tuple[str, ...]]
"""Name of a parameter to its values, as text."""

_ENTRY = re.compile(r'^\((\w+)((?:\s+(?:"[^"]*"|[^\s")]+))+)\s*\)$')
_VALUE = re.compile(r'"([^"]*)"|([^\s")]+)')


TRANSFORMS: Final = {"rigid": "EulerTransform", "bspline": "BSplineTransform"}
"""Of the files in ``config/elastix``: the parameters of another transform would be taken for those of this one."""


def read_parameter_map(name: str = "rigid") -> ParameterMap:
    """Read ``config/elastix/NAME.txt``.

    Raises
    ------
    ConfigError
        A site edited it, and it is no parameter file any more or has another transform than the program reads.
    """
    text = (files("config") / "elastix" / f"{name}.txt").read_text(encoding="utf-8")
    try:
        return require_transform(parse_parameter_map(text), TRANSFORMS[name])
    except ValueError as error:
        raise ConfigError([f"config/elastix/{name}.txt: {error}"]) from error


def require_transform(parameters: ParameterMap, wanted: str) -> ParameterMap:
    """Return a parameter map of the transform `wanted`.

    Raises
    ------
    ValueError
        It has another one.
    """
    found = " ".join(parameters.get("Transform", ())) or "missing"
    if found != wanted:
        raise ValueError(f"Transform is {found}; this step reads {wanted} alone, so write that")
    return parameters


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
