"""Which code a model says it was made with."""

from pathlib import Path

from pipeline.training.code_identity import code_identity


def test_identity_when_a_source_changes_then_its_checksum_does_and_without_a_checkout_no_commit_is_told(
    tmp_path: Path,
) -> None:
    (tmp_path / "pipeline").mkdir()
    source = tmp_path / "pipeline" / "one.py"
    source.write_text("a = 1\n", encoding="utf-8")
    first = code_identity(tmp_path)
    source.write_text("a = 2\n", encoding="utf-8")
    assert first.keys() == {"sources_sha256"}
    assert code_identity(tmp_path) != first
