import os
import pwd
from pathlib import Path

import pytest

from node.cli import person as module
from node.cli.person import person

ROOT = pwd.getpwuid(0).pw_name
NOBODY = pwd.getpwnam("nobody")
UNNAMED = 2_000_000_123


@pytest.fixture
def login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for the file of the kernel; not there: no such kernel."""
    monkeypatch.setattr(module, "_LOGIN_UID", tmp_path / "loginuid")
    monkeypatch.delenv("SUDO_UID", raising=False)
    return tmp_path / "loginuid"


def test_person_when_logname_says_another_then_is_still_the_user_of_the_process(
    login: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert person() == pwd.getpwuid(os.getuid()).pw_name


def test_person_when_sudo_made_them_the_service_user_then_is_who_called_sudo(
    login: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert person() == ROOT
    monkeypatch.setenv("SUDO_UID", str(NOBODY.pw_uid))
    assert person() == "nobody"


@pytest.mark.parametrize(
    ("kept", "expected"), [(str(NOBODY.pw_uid), "nobody"), (str(2**32 - 1), ROOT), ("", ROOT), ("x", ROOT)]
)
def test_person_when_the_kernel_keeps_a_login_then_that_counts_before_sudo(
    login: Path, monkeypatch: pytest.MonkeyPatch, kept: str, expected: str
) -> None:
    login.write_text(kept, encoding="ascii")
    monkeypatch.setenv("SUDO_UID", "0")
    assert person() == expected


@pytest.mark.parametrize("uid", [UNNAMED, 2**70])
def test_person_when_the_machine_has_no_name_then_is_the_number(
    login: Path, monkeypatch: pytest.MonkeyPatch, uid: int
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: uid)
    assert person() == f"uid:{uid}"
