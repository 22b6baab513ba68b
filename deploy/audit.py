"""`make audit`: known vulnerabilities of what is pinned; exit 1: there is one, 2: nobody could be asked."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NONE_KNOWN, VULNERABLE, NOT_AUDITED = 0, 1, 2
_SHOWN = 3
_WHERE = "run it where PyPI itself can be reached; a mirror has no advisories"


@dataclass(frozen=True)
class Verdict:
    """What the audit came to, in lines for people.

    Parameters
    ----------
    exit_code
        `NONE_KNOWN`, `VULNERABLE` or `NOT_AUDITED`.
    """

    exit_code: int
    lines: tuple[str, ...]


def judge(report: str, error: str) -> Verdict:
    """Judge what pip-audit printed.

    Parameters
    ----------
    report
        Its JSON document; anything else where it came to no end.
    error
        What it said on standard error.
    """
    try:
        dependencies = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        because = error.strip().splitlines()[-1:] or ["it said nothing"]
        return Verdict(NOT_AUDITED, (f"NOT AUDITED: pip-audit came to no end ({because[0]}); {_WHERE}",))
    found = [_hole(item, hole) for item in dependencies for hole in item.get("vulns", [])]
    skipped = [item["name"] for item in dependencies if "skip_reason" in item]
    lines = list(found)
    if skipped or not dependencies:
        names = ", ".join(skipped[:_SHOWN]) + (", ..." if len(skipped) > _SHOWN else "")
        lines.append(
            f"NOT AUDITED: no answer about {len(skipped)} of {len(dependencies)} packages ({names}); {_WHERE}"
        )
    if found:
        lines.append(f"VULNERABLE: {len(found)} known vulnerabilities; see deploy/SECURITY.md for the register")
        return Verdict(VULNERABLE, tuple(lines))
    if skipped or not dependencies:
        return Verdict(NOT_AUDITED, tuple(lines))
    return Verdict(NONE_KNOWN, (f"audited: no vulnerability is known of {len(dependencies)} packages",))


def _hole(package: Mapping[str, Any], hole: Mapping[str, Any]) -> str:
    mended = ", ".join(hole["fix_versions"]) or "no version yet"
    return f"{package['name']} {package['version']}: {hole['id']}, mended in {mended}"


def main(arguments: Sequence[str]) -> int:
    """Run pip-audit, the first argument, over a list of pinned packages, the second."""
    program, requirements = arguments
    command = [program, "--disable-pip", "--no-deps", "--format", "json", "--requirement", requirements]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    verdict = judge(ended.stdout, ended.stderr)
    for line in verdict.lines:
        sys.stdout.write(f"audit: {line}\n")
    return verdict.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
