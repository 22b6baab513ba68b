import io

import pytest

from node.cli.tables import show_table

UID = "1.2.826.0.1.3680043.10.1234." + "9" * 36


class Terminal(io.StringIO):
    """A terminal of 80 columns, as far as a program can tell."""

    def isatty(self) -> bool:
        return True


def test_show_when_in_a_pipe_then_a_row_is_a_line_of_tab_separated_cells(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_table(("uid", "words"), [(UID, "two\nlines"), (None, 7)], title="what")
    assert capsys.readouterr().out == f"# what\nuid\twords\n{UID}\ttwo lines\n\t7\n"


@pytest.mark.parametrize("uid", [UID, "2.25.114116757791431282021286278272832531992"])
def test_show_when_the_terminal_is_narrow_then_a_uid_stays_whole_and_words_are_folded(
    monkeypatch: pytest.MonkeyPatch, uid: str
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", "60")
    show_table(("uid", "words"), [(uid, "some words that need more than one line of the column")])
    assert uid in terminal.getvalue()
    assert "needs more than one line" not in terminal.getvalue()
    for word in ("some", "words", "column"):
        assert word in terminal.getvalue()


def test_show_when_a_cell_looks_like_markup_then_it_is_printed_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    show_table(("description",), [("[red]T1[/red]",)])
    assert "[red]T1[/red]" in terminal.getvalue()
