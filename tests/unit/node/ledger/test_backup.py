import stat
from pathlib import Path

import pytest
from sqlalchemy import text

from node.ledger.backup import back_up, put_back
from node.ledger.connection import make_engine, reading
from node.ledger.failure import LedgerError
from node.ledger.ledger import open_ledger
from tests.unit.node.doubles import STUDY, FakeClock, instance
from tests.unit.node.ledger.conftest import NewDatabase


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql"))])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    new: NewDatabase = request.getfixturevalue("new_postgresql_database")
    return new("migrated")


def test_backup_when_it_is_put_back_then_the_ledger_is_that_of_then(
    url: str, tmp_path: Path, clock: FakeClock
) -> None:
    copy = tmp_path / "copy"
    with open_ledger(url, clock, clock.monotonic_s) as ledger:
        ledger.record_instance(instance(clock))
        # While the node runs: what is in the write-ahead log only must be in the copy.
        back_up(url, copy)
        ledger.record_instance(instance(clock, 2))
        assert ledger.studies.instances_entered() == 2
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE of_a_newer_schema (a INTEGER)"))
    engine.dispose()
    put_back(url, copy)
    with reading(engine) as connection, pytest.raises(Exception, match="of_a_newer_schema"):
        connection.execute(text("SELECT * FROM of_a_newer_schema"))
    engine.dispose()
    with open_ledger(url, clock, clock.monotonic_s) as ledger:
        assert ledger.studies.instances_entered() == 1
        assert ledger.studies.get(STUDY).images == 1


def test_backup_when_the_file_exists_then_it_is_left_alone(url: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_text("precious", encoding="utf-8")
    with pytest.raises(LedgerError, match="exists and is left as it is"):
        back_up(url, copy)
    assert copy.read_text(encoding="utf-8") == "precious"


def test_restore_when_the_copy_is_damaged_then_the_ledger_is_as_it_was(
    url: str, tmp_path: Path, clock: FakeClock
) -> None:
    with open_ledger(url, clock, clock.monotonic_s) as ledger:
        ledger.record_instance(instance(clock))
    copy = tmp_path / "copy"
    back_up(url, copy)
    copy.write_bytes(b"no ledger" + copy.read_bytes()[9:])
    with pytest.raises(LedgerError):
        put_back(url, copy)
    with pytest.raises(LedgerError, match="is not there"):
        put_back(url, tmp_path / "absent")
    with open_ledger(url, clock, clock.monotonic_s) as ledger:
        assert ledger.studies.instances_entered() == 1


def test_backup_when_there_is_no_ledger_then_says_where(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="there is no ledger at"):
        back_up(f"sqlite:///{tmp_path / 'absent.sqlite'}", tmp_path / "copy")
    assert not list(tmp_path.iterdir())


def test_restore_when_the_ledger_is_damaged_then_it_is_set_aside(tmp_path: Path, clock: FakeClock) -> None:
    path, copy = tmp_path / "ledger.sqlite", tmp_path / "copy"
    with open_ledger(f"sqlite:///{path}", clock, clock.monotonic_s) as ledger:
        ledger.record_instance(instance(clock))
    back_up(f"sqlite:///{path}", copy)
    path.write_bytes(b"no database" * 100)
    put_back(f"sqlite:///{path}", copy)
    assert path.with_name("ledger.sqlite.replaced").read_bytes() == b"no database" * 100
    with open_ledger(f"sqlite:///{path}", clock, clock.monotonic_s) as ledger:
        assert ledger.studies.instances_entered() == 1
