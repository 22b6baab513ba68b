"""Statements of every instance, made into text once: SQLAlchemy spends more on a statement than SQLite does."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import Connection, CursorResult, Insert, Select, Update
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler

Row = Mapping[str, object]


class Prepared:
    """A statement that goes to the driver as text; what the driver raises comes as from any other.

    Parameters
    ----------
    statement
        Every value in it is a parameter of its own name.
    columns
        That an INSERT fills, each by a parameter of its name.
    """

    def __init__(self, statement: Select[Any] | Insert | Update, columns: Collection[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns
        self._forms: dict[str, _Form] = {}

    def run(self, connection: Connection, *rows: Row) -> CursorResult[*tuple[Any, ...]]:
        """Run with the values of one row; of an INSERT or UPDATE also of several, one after the other.

        Raises
        ------
        SQLAlchemyError
            The database does not take it.
        """
        form = self._forms.get(connection.dialect.name)
        if form is None:
            form = self._forms[connection.dialect.name] = self._made(connection.dialect)
        values = [form.values(row) for row in rows]
        return connection.exec_driver_sql(form.text, values if len(values) > 1 else values[0])

    def _made(self, dialect: Dialect) -> "_Form":
        columns = None if self._columns is None else list(self._columns)
        return _Form(self._statement.compile(dialect=dialect, column_keys=columns), dialect)


class _Form:
    """A statement as one driver wants it."""

    def __init__(self, compiled: SQLCompiler, dialect: Dialect) -> None:
        self.text = str(compiled)
        self._in_order = compiled.positiontup
        self._conversions: list[tuple[str, Callable[[Any], Any] | None]] = [
            (name, parameter.type.dialect_impl(dialect).bind_processor(dialect))
            for name, parameter in compiled.binds.items()
        ]

    def values(self, row: Row) -> Any:
        """Return the values of a row as the driver wants them, by position or by name."""
        converted = {
            name: row[name] if convert is None else convert(row[name]) for name, convert in self._conversions
        }
        return converted if self._in_order is None else tuple([converted[name] for name in self._in_order])
