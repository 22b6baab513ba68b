"""Who runs a verb: what the audit trail and the ledger write down of it."""

import os
import pwd
from pathlib import Path

_LOGIN_UID = Path("/proc/self/loginuid")
_NO_LOGIN = 2**32 - 1
"""What the kernel says of a process that came from no login."""


def person() -> str:
    """Return the login name of who runs this program, whatever LOGNAME says.

    Who works as the service user is named, not the service user: by the login that the kernel keeps through `su`
    and `sudo`, otherwise by what `sudo` passes on. A user that the machine has no name for is ``uid:N``.
    """
    login = _login_uid()
    if login is not None:
        return _name(login)
    # Whoever may set this for the service user may write the trail itself.
    sudo = os.environ.get("SUDO_UID", "")
    return _name(int(sudo) if sudo.isdecimal() else os.getuid())


def _login_uid() -> int | None:
    try:
        uid = int(_LOGIN_UID.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if uid == _NO_LOGIN else uid


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return f"uid:{uid}"
