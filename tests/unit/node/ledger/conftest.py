"""The same tests on SQLite and on PostgreSQL."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from node.ledger.connection import make_engine, upgrade
from node.ledger.ledger import Ledger, open_ledger
from tests.integration.postgresql import database_url, running_postgresql
from tests.unit.node.doubles import FakeClock

NewDatabase = Callable[[str], str]


@pytest.fixture(scope="session")
def new_postgresql_database() -> Iterator[NewDatabase]:
    """Make a database by copying another: ``migrated`` has the current schema, ``template1`` has none."""
    with running_postgresql() as folder:
        administration = create_engine(database_url(folder, "postgres"), isolation_level="AUTOCOMMIT")

        def create(name: str, template: str) -> str:
            with administration.connect() as connection:
                connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
            return database_url(folder, name)

        migrated = make_engine(create("migrated", "template1"))
        assert upgrade(migrated)[0] is None
        migrated.dispose()
        yield lambda template: create(f"ledger-{uuid.uuid4().hex}", template)
        administration.dispose()


@pytest.fixture
def new_empty_database(new_postgresql_database: NewDatabase) -> str:
    return new_postgresql_database("template1")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql"))])
def ledger(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Ledger]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    else:
        url = request.getfixturevalue("new_postgresql_database")("migrated")
    with open_ledger(url, clock, clock.monotonic_s) as opened:
        yield opened
