"""Where a source turns data into code or into a command, under whatever names it imports it."""

import ast
import re
from collections.abc import Iterator, Mapping

FORBIDDEN = re.compile(
    r"(_?pickle|dill|shelve|marshal|cloudpickle|joblib|jsonpickle)(\..+)?"
    r"|(.+\.)?(read|to)_pickle"
    r"|eval|exec|print|__import__"
    r"|os\.(system|popen|exec[lv]\w*|spawn\w+)|pty\.spawn"
    r"|subprocess\.(getoutput|getstatusoutput)|asyncio\.(subprocess\.)?create_subprocess_shell"
    r"|yaml\.(unsafe_|full_)?load(_all)?"
)
"""Qualified names, also where they are only handed on."""
_POSITION_OF_ALLOW_PICKLE = 2
"""Among the arguments of numpy.load, from 0."""


def forbidden(source: str) -> list[str]:
    """Return what turns data into code, a line each; what is built from strings at run time stays unseen."""
    tree = ast.parse(source)
    found = sorted(_found(tree, _imported(tree)))
    return [f"line {line}: {name}" for line, name in found]


def _found(tree: ast.AST, imported: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    safe_loads = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            names = [f"{module}.{alias.name}".removeprefix(".") for alias in node.names]
            yield from ((node.lineno, name) for name in names if FORBIDDEN.fullmatch(name))
        if isinstance(node, ast.Call):
            name = _qualified(node.func, imported)
            yield from ((node.lineno, key) for key in _switches(node, name))
            if name == "torch.load" and _constant(node, "weights_only") is True:
                safe_loads.add(node.func)
        if isinstance(node, ast.Name | ast.Attribute):
            name = _qualified(node, imported).removeprefix("builtins.")
            # `ast.walk` comes to a call before it comes to what is called.
            if FORBIDDEN.fullmatch(name) or (name == "torch.load" and node not in safe_loads):
                yield node.lineno, name


def _switches(call: ast.Call, name: str) -> Iterator[str]:
    for key in ("shell", "allow_pickle"):
        if any(item.arg == key for item in call.keywords) and _constant(call, key) is not False:
            yield f"{key}="
    if name == "numpy.load" and len(call.args) > _POSITION_OF_ALLOW_PICKLE:
        yield "allow_pickle"


def _constant(call: ast.Call, key: str) -> object:
    values = [item.value for item in call.keywords if item.arg == key]
    return values[0].value if values and isinstance(values[0], ast.Constant) else None


def _imported(tree: ast.AST) -> dict[str, str]:
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {item.asname: item.name for item in node.names if item.asname}
        if isinstance(node, ast.ImportFrom) and not node.level:
            names |= {item.asname or item.name: f"{node.module}.{item.name}" for item in node.names}
    return names


def _qualified(node: ast.AST, imported: Mapping[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_qualified(node.value, imported)}.{node.attr}"
    return imported.get(node.id, node.id) if isinstance(node, ast.Name) else ""
