import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, update
from sqlalchemy.sql import column, table

import node.ledger
from config.errors import ConfigError
from node.ledger.connection import make_engine, schema_version, upgrade
from node.ledger.failure import LedgerError
from node.ledger.ledger import Ledger, open_ledger
from node.ledger.schema import SCHEMA_VERSION, metadata
from tests.unit.node.doubles import STUDY, FakeClock, instance


def test_open_ledger_when_sqlite_is_empty_then_makes_the_schema(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'deep' / 'ledger.sqlite'}"
    with open_ledger(url) as ledger, ledger.engine.connect() as connection:
        assert schema_version(connection) == SCHEMA_VERSION


def test_migrations_when_applied_then_give_the_tables_of_the_code(ledger: Ledger) -> None:
    with ledger.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []


def test_schema_version_when_compared_then_is_the_head_of_the_migrations() -> None:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(node.ledger.__path__[0]) / "migrations"))
    assert ScriptDirectory.from_config(configuration).get_current_head() == SCHEMA_VERSION


def test_upgrade_when_current_then_changes_nothing(ledger: Ledger) -> None:
    assert upgrade(ledger.engine) == (SCHEMA_VERSION, SCHEMA_VERSION)


def test_open_ledger_when_the_schema_is_another_then_says_what_to_do(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    with open_ledger(url) as ledger, ledger.engine.begin() as connection:
        version = table("alembic_version", column("version_num"))
        connection.execute(update(version).values(version_num="0000"))
    with pytest.raises(LedgerError, match="mvi-node db migrate"):
        open_ledger(url)


def test_open_ledger_when_the_folder_is_a_file_then_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(LedgerError, match="cannot be opened"):
        open_ledger(f"sqlite:///{tmp_path / 'folder'}")


@pytest.mark.parametrize("url", ["nonsense", "nodriver://host/name"])
def test_make_engine_when_the_url_is_wrong_then_names_the_key(url: str) -> None:
    with pytest.raises(ConfigError, match=r"ledger\.url"):
        make_engine(url)


def test_open_ledger_when_sqlite_then_commits_survive_a_power_failure(tmp_path: Path) -> None:
    with (
        open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger,
        ledger.engine.connect() as connection,
    ):
        # https://www.sqlite.org/pragma.html: 2 is FULL.
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_begin_when_sqlite_then_takes_the_write_lock_before_it_reads(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with open_ledger(f"sqlite:///{path}") as ledger, ledger.engine.begin() as connection:
        connection.exec_driver_sql("SELECT 1").close()
        other = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        finally:
            other.close()


@pytest.mark.peer("postgresql")
def test_open_ledger_when_postgresql_is_empty_then_says_what_to_do(new_empty_database: str) -> None:
    with pytest.raises(LedgerError, match=r"has no schema.*mvi-node db migrate"):
        open_ledger(new_empty_database)


@pytest.mark.peer("postgresql")
def test_open_ledger_when_postgresql_is_away_then_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be opened") as caught:
        open_ledger(f"postgresql+psycopg://nobody@/none?host={tmp_path}")
    assert "\n" not in str(caught.value)


def test_ledger_when_its_file_is_damaged_then_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"no database " * 100)
    with pytest.raises(LedgerError, match=r"is damaged .* rebuilds it from the inbox"):
        open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")


def test_instances_when_the_last_are_deleted_then_no_number_is_given_again(
    ledger: Ledger, clock: FakeClock
) -> None:
    for number in (1, 2, 3):
        ledger.record_instance(instance(clock, number))
    ledger.forget_instances([found.path for found in ledger.studies.files(STUDY)])
    ledger.record_instance(instance(clock, 4))
    assert ledger.studies.instances_entered() == 4


def test_migrations_when_an_older_ledger_has_instances_then_they_and_their_numbers_stay(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    clock = FakeClock()
    migrate(engine, "head")
    with Ledger(engine, clock) as own:
        own.record_group([instance(clock, number) for number in (1, 2)])
        before = own.studies.files(STUDY)
        migrate(engine, "0007")
        migrate(engine, "head")
        assert own.studies.files(STUDY) == before
        own.forget_instances([found.path for found in before])
        own.record_instance(instance(clock, 3))
        assert own.studies.instances_entered() == 3


def migrate(engine: Engine, revision: str) -> None:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(node.ledger.__path__[0]) / "migrations"))
    with engine.begin() as connection:
        configuration.attributes["connection"] = connection
        down = revision != "head" and schema_version(connection) is not None
        (command.downgrade if down else command.upgrade)(configuration, revision)


def test_ledger_when_its_disk_is_full_then_one_line_says_what_to_do(tmp_path: Path) -> None:
    with (
        pytest.raises(LedgerError, match="database or disk is full; make space"),
        open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger,
        ledger.engine.begin() as connection,
    ):
        # As few pages as there are: the next one finds no room.
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        connection.exec_driver_sql("CREATE TABLE big AS SELECT zeroblob(1000000) AS content")


def test_ledger_when_its_disk_is_full_then_cannot_be_opened_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "ledger.sqlite"
    ledger.mkdir()  # SQLite cannot open a folder either, and here says so of itself.
    with pytest.raises(LedgerError, match="cannot be opened"):
        open_ledger(f"sqlite:///{ledger}")
    monkeypatch.setattr("node.ledger.failure.shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(LedgerError, match="make space") as raised:
        open_ledger(f"sqlite:///{ledger}")
    assert getattr(raised.value, "code", None) == "LG-FULL"
