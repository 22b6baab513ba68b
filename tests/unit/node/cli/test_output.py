import errno

import pytest
import typer

from node.cli.output import ExitCode, verb


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EACCES, "change its rights"),
        (errno.ENOENT, "check the path"),
        (errno.EEXIST, "name another"),
        (errno.ENOTDIR, "name another folder"),
        (errno.EISDIR, "name a file"),
        (errno.ENOSPC, "make space"),
        (errno.EROFS, "name a place on another"),
    ],
)
def test_verb_when_the_system_says_no_then_one_line_names_the_place_and_what_to_do(
    number: int, advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    @verb
    def fail() -> None:
        raise OSError(number, "", "/some/place")

    with pytest.raises(typer.Exit) as ended:
        fail()
    line = capsys.readouterr().err
    assert ended.value.exit_code == ExitCode.FAILED
    assert line.startswith("mvi-node: /some/place: ")
    assert advice in line
    assert line.count("\n") == 1
