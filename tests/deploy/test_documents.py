"""What the documents name is there: tests, alerts, codes, files, verbs."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dicom_io.assembly import derived_images, rejects
from pipeline.study import Role

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
DOCUMENTS = [ROOT / "README.md", *sorted(DEPLOY.glob("*.md")), *sorted(DEPLOY.glob("decisions/*.md"))]
RUNBOOK = (DEPLOY / "OPERATIONS.md").read_text(encoding="utf-8")
SECURITY = (DEPLOY / "SECURITY.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"(?m)^### (.+)$", RUNBOOK)
CODE = re.compile(r"(?:SM|QG|REG|RAD|RES|WORKER|LAB|AS|ST|MB|EV|EX)(?:-[A-Z0-9]+)+|BUG")
STEM = re.compile(r"((?:SM|QG|REG|RAD|RES|WORKER|LAB|AS|ST|MB|EV|EX)(?:-[A-Z0-9]+)*)-$")
PRODUCT = [path for name in ("node", "dicom_io", "pipeline", "config") for path in (ROOT / name).rglob("*.py")]


def emitted() -> Iterator[tuple[str, str]]:
    """Give each code that the product names, and of those made with a role or a state the stem."""
    for path in PRODUCT:
        if "phantom" in path.parts:  # What a scenario expects is no code of its own.
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                yield node.value, path.name
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                stem = STEM.fullmatch(str(node.values[0].value))
                if stem:
                    yield stem[1], path.name


def test_runbook_when_compared_with_the_code_then_each_code_has_a_section_and_each_section_a_code() -> None:
    codes: dict[str, str] = {}
    for code, name in emitted():
        # With a state, or a role: the section of the stem is its own.
        stem = next((code.removesuffix(f"-{role}") for role in Role if code.endswith(f"-{role}")), code)
        codes["ST" if code.startswith("ST-") else stem] = name
    sections = {heading for heading in HEADINGS if CODE.fullmatch(heading) or heading == "ST"}
    assert {code: name for code, name in codes.items() if code not in sections} == {}
    assert sections - set(codes) == set()


def test_runbook_when_a_series_can_be_rejected_then_the_reason_is_in_the_table() -> None:
    parts = ((rejects, "def _unplaced"), (derived_images, "def derived("))
    source = "".join(Path(str(part.__file__)).read_text(encoding="utf-8").split(begin)[1] for part, begin in parts)
    reasons = set(re.findall(r'"((?:[A-Z]+-)?[A-Z]{2,})", (?:f?"|around|f\'|")', source))
    reasons -= {"MAGNITUDE"}  # Of a component, beside its code.
    assert {"ADC", "LOCALIZER", "FEW-SLICES", "BURNED-IN"} <= reasons
    assert {reason for reason in reasons if f"| `{reason}` |" not in RUNBOOK} == set()


def test_alerts_when_they_name_a_section_of_the_runbook_then_it_is_there() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    anchors = {heading.lower().replace(" ", "-") for heading in HEADINGS}
    for rule in rules:
        document, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert document == "deploy/OPERATIONS.md"
        assert anchor in anchors, rule["alert"]


def test_security_when_it_names_a_test_then_it_exists() -> None:
    # By name alone: tests move from file to file, and `pytest -k` finds them.
    known = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"(?m)^def (test_\w+)\(", path.read_text(encoding="utf-8"))
    }
    named = set(re.findall(r"`(test_\w+)`", SECURITY))
    assert len(named) > 30
    assert named - known == set()
    assert all((ROOT / path).is_file() for path in re.findall(r"`(tests/[\w/]+\.py)`", SECURITY))


def test_security_when_a_package_has_a_known_advisory_then_it_is_in_the_register() -> None:
    advisories = (DEPLOY / "advisories.toml").read_text(encoding="utf-8")
    for name in re.findall(r'id = "((?:CVE|GHSA)[^"]+)"', advisories):
        assert name in SECURITY


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_document_when_it_links_to_a_file_or_a_section_then_it_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    headings = re.findall(r"(?m)^#+ (.+)$", text)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif "://" not in target:
            assert (document.parent / target.partition("#")[0]).exists(), target
