"""How the ledger talks to SQLite and to PostgreSQL with the same statements."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Any

from sqlalchemy import Connection, Engine, Executable, Table, create_engine, event, inspect, select
from sqlalchemy import table as table_clause
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DisconnectionError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql import column

from config.errors import ConfigError
from node.ledger.abandoned import let_go
from node.ledger.embedded_file import EmbeddedFile
from node.ledger.failure import LedgerError, no_space, told
from node.ledger.schema import SCHEMA_VERSION

BUSY_TIMEOUT_S = 30
"""How long a writer waits for another; SQLite has one writer at a time."""


NETWORK_PATIENCE: Mapping[str, object] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""Of libpq: a server whose host is gone answers nothing, and a thread would wait for it for two hours.

A key in the URL goes before them."""


def make_engine(url: str) -> Engine:
    """Open the database of `url` with the durability that the node promises.

    Raises
    ------
    ConfigError
        `url` is not a database URL, or its driver is not installed.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            engine = create_engine(parsed, pool_pre_ping=True, connect_args={**NETWORK_PATIENCE, **parsed.query})
            let_go(engine)
            return engine
        on_disk = parsed.database not in (None, "", ":memory:")
        if on_disk:
            Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_S})
    except (ArgumentError, ImportError) as error:
        raise ConfigError([f"ledger.url: {error}"]) from error
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    if on_disk:
        _watch(engine, EmbeddedFile(Path(str(parsed.database))))
    return engine


def _watch(engine: Engine, file: EmbeddedFile) -> None:
    """Let no transaction run in a file that is no longer the ledger."""

    def before_opening(*_: object) -> None:
        file.see_to()

    def opened(_: SqliteConnection, record: ConnectionPoolEntry) -> None:
        record.info["file"] = file.keep_open()

    def taken(_: SqliteConnection, record: ConnectionPoolEntry, _fairy: object) -> None:
        if record.info["file"] != file.identity():
            raise DisconnectionError("the ledger is another file")

    def begun(connection: Connection) -> None:
        file.require(connection.info["file"])

    def disposed(_: Engine) -> None:
        file.close()

    event.listen(engine, "do_connect", before_opening)
    event.listen(engine, "connect", opened)
    event.listen(engine, "checkout", taken)
    event.listen(engine, "begin", begun)
    event.listen(engine, "engine_disposed", disposed)


def _prepare_sqlite(connection: SqliteConnection, _record: object) -> None:
    # The driver must not open transactions on its own: `_begin_sqlite` does, and DDL stays transactional.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE takes the write lock at once and waits for it; a deferred transaction that writes
    # after it has read fails with "database is locked" where another wrote in between.
    read_only = connection.get_execution_options().get("mvi_read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Yield a connection whose statements see one state and change nothing."""
    with engine.connect().execution_options(mvi_read_only=True) as connection, connection.begin():
        yield connection


def insert_new(connection: Connection, table: Table, values: dict[str, Any]) -> bool:
    """Insert a row; return False where a unique key has it already."""
    return connection.execute(_insertion(table, connection.dialect.name), values).first() is not None


@cache
def _insertion(table: Table, dialect: str) -> Executable:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    # What comes back is counted, not `rowcount`: psycopg does not know it for every kind of INSERT.
    key = table.primary_key.columns.values()[0]
    return insert(table).on_conflict_do_nothing().returning(key)


def schema_version(connection: Connection) -> str | None:
    """Return the revision of the schema in the database, None where it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(
        select(column("version_num")).select_from(table_clause("alembic_version"))
    )
    return version


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Bring the schema to `SCHEMA_VERSION`; return the revision before and after."""
    from alembic import command  # noqa: PLC0415 - reception opens the ledger too and needs no Alembic
    from alembic.config import Config  # noqa: PLC0415

    with _reachable(engine), engine.begin() as connection:
        before = schema_version(connection)
        if before != SCHEMA_VERSION:
            configuration = Config()
            configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, "head")
    return before, SCHEMA_VERSION


def require_schema(engine: Engine) -> None:
    """Check the schema; make it where an embedded database is still empty.

    Raises
    ------
    LedgerError
        The database cannot be reached, or its schema is another.
    """
    with _reachable(engine), reading(engine) as connection:
        version = schema_version(connection)
    if version == SCHEMA_VERSION:
        return
    if version is None and engine.dialect.name == "sqlite":
        upgrade(engine)
        return
    found = "has no schema" if version is None else f"has schema {version}"
    raise LedgerError(f"the ledger {found}, this software needs {SCHEMA_VERSION}: run `mvi-node db migrate`")


@contextmanager
def _reachable(engine: Engine) -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if engine.dialect.name == "sqlite" and no_space(engine.url.database):
            raise told(error, full=True) from error
        place = engine.url.render_as_string(hide_password=True)
        because = str(error.orig).splitlines()[0]
        raise LedgerError(f"the ledger {place} cannot be opened: {because}") from error
    except DatabaseError as error:
        place = engine.url.render_as_string(hide_password=True)
        raise LedgerError(
            f"the ledger {place} is damaged ({error.orig}); "
            "move it away, and the next start rebuilds it from the inbox"
        ) from error
