import logging
import sys

from node.logging import LineFormatter, about, study_at_hand


def record(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("node.analysis.worker", logging.INFO, __file__, 1, message, arguments, None)


def test_format_when_a_record_comes_then_is_one_line_with_time_level_and_logger() -> None:
    entry = record("claimed study=%s", "1.2.3")
    entry.created = 0.25
    assert (
        LineFormatter().format(entry)
        == "1970-01-01T00:00:00.250+00:00 INFO node.analysis.worker claimed study=1.2.3"
    )


def test_format_when_a_peer_sends_control_characters_then_they_are_shown_not_obeyed() -> None:
    line = LineFormatter().format(record("ae=%s", "\x1b[2Jfake\n2026 ERROR"))
    assert "\x1b" not in line
    assert "\n" not in line
    assert r"\x1b[2Jfake\n2026" in line


def test_format_when_there_is_an_exception_then_the_traceback_follows() -> None:
    entry = record("parked")
    try:
        dict[str, str]()["x"]
    except KeyError:
        entry.exc_info = sys.exc_info()
    assert LineFormatter().format(entry).endswith("KeyError: 'x'")


def test_format_when_a_study_is_at_hand_then_each_line_names_it_once() -> None:
    with about("1.2.3"):
        assert LineFormatter().format(record("SEG-DEVICE: busy")).endswith("SEG-DEVICE: busy study=1.2.3")
        assert LineFormatter().format(record("claimed study=%s", "1.2.3")).count("study=") == 1
    assert study_at_hand() == ""
    assert LineFormatter().format(record("idle")).endswith("idle")
