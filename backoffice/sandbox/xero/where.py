"""The `where` and `order` parameters: a parser for the part of Dynamic LINQ that Xero documents, into SQL.

filter     = and_chain { ("OR" | "||") and_chain }
and_chain  = test { ("AND" | "&&") test }
test       = "(" filter ")" | field [".ToLower()" | ".ToUpper()"] ( operator value | "." method "(" text ")" )
value      = "text" | number | true | false | null | Guid("...") | DateTime(y, m, d[, h, m, s])
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from backoffice.sandbox.xero import answers

Kind = Literal["text", "guid", "date", "flag", "number"]
TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)"""
    r"""|(?P<mark>==|!=|>=|<=|&&|\|\||[()<>,.]))"""
)
METHODS = {"contains": "contains", "startswith": "starts_with", "endswith": "ends_with"}
CASES = ("tolower", "toupper")
OPERATORS = {"==": "=", "!=": "<>", ">": ">", ">=": ">=", "<": "<", "<=": "<="}


@dataclass(frozen=True)
class Column:
    """Where a field is found: an SQL expression, for a text already `folded` or not."""

    sql: str
    kind: Kind
    folded: bool = False

    @property
    def compared(self) -> str:
        return f"fold({self.sql})" if self.kind == "text" and not self.folded else self.sql


def json_column(path: str, kind: Kind = "text") -> Column:
    return Column(f"json_extract(body, '$.{path}')", kind)


@dataclass(frozen=True)
class Clause:
    """A piece of SQL with its values; `careful` if it breaks on an empty text, so must not be tried in vain."""

    sql: str
    values: tuple[Any, ...]
    careful: bool = False


def parse_where(text: str, columns: Mapping[str, Column]) -> Clause:
    """Raises the refusal with QueryParseException for whatever is not understood, unknown fields first of all."""
    return _Parser(text, columns).whole()


def parse_order(text: str, columns: Mapping[str, Column]) -> str:
    """`Name DESC, UpdatedDateUTC` as an ORDER BY; the id settles ties."""
    parts = []
    for one in text.split(","):
        field, _, direction = one.strip().partition(" ")
        direction = direction.strip().upper() or "ASC"
        if direction not in ("ASC", "DESC"):
            raise answers.bad_query(f"Unrecognised order direction: {direction}")
        parts.append(f"{_column(field, columns).compared} {direction}")
    # In the same direction, so that an index can be walked backwards.
    return ", ".join([*parts, f"id {direction}"])


def _column(field: str, columns: Mapping[str, Column]) -> Column:
    if field not in columns:
        raise answers.bad_query(f"No property or field '{field}' exists in this type")
    return columns[field]


class _Parser:
    def __init__(self, text: str, columns: Mapping[str, Column]) -> None:
        self._tokens = _tokens(text)
        self._columns = columns
        self._at = 0

    def whole(self) -> Clause:
        clause = self._filter()
        if self._at < len(self._tokens):
            raise answers.bad_query(f"Syntax error at '{self._tokens[self._at]}'")
        return clause

    def _filter(self) -> Clause:
        clause = self._and_chain()
        while self._takes("OR", "||"):
            clause = _either(clause, self._and_chain())
        return clause

    def _and_chain(self) -> Clause:
        clause = self._test()
        while self._takes("AND", "&&"):
            clause = _both(clause, self._test())
        return clause

    def _test(self) -> Clause:
        if self._takes("("):
            clause = self._filter()
            self._expect(")")
            return clause
        field, methods = self._field()
        column = _column(field, self._columns)
        if methods and methods[-1] in METHODS:
            return self._method(column, methods)
        for _ in methods:
            self._expect("(")
            self._expect(")")
        return self._comparison(column)

    def _field(self) -> tuple[str, list[str]]:
        """`Contact.Name.ToLower` is the field `Contact.Name` and a method."""
        parts = self._next().split(".")
        first = next((at for at, part in enumerate(parts) if part.lower() in (*METHODS, *CASES)), len(parts))
        return ".".join(parts[:first]), [part.lower() for part in parts[first:]]

    def _method(self, column: Column, methods: list[str]) -> Clause:
        if column.kind != "text":
            raise answers.bad_query(f"No applicable method '{methods[-1]}' exists in this type")
        self._expect("(")
        part = self._next()
        if not part.startswith('"'):
            raise answers.bad_query("A text was expected")
        self._expect(")")
        return Clause(f"{METHODS[methods[-1]]}({column.sql}, ?)", (_unquoted(part).casefold(),), careful=True)

    def _comparison(self, column: Column) -> Clause:
        # `.ToLower()` before a method or an operator comes as a call of its own.
        while self._takes("."):
            word = self._next()
            if word.lower() in METHODS:
                return self._method(column, [word.lower()])
            self._expect("(")
            self._expect(")")
        operator = self._next()
        if operator not in OPERATORS:
            raise answers.bad_query(f"Syntax error at '{operator}'")
        value = self._value(column)
        if value is None:
            if operator not in ("==", "!="):
                raise answers.bad_query("null can only be compared with == and !=")
            return Clause(f"{column.sql} IS {'NOT ' if operator == '!=' else ''}NULL", ())
        if column.kind in ("text", "guid", "flag"):
            if operator not in ("==", "!="):
                raise answers.bad_query(f"Operator '{operator}' incompatible with operand types")
            return Clause(f"{column.compared} IS {'NOT ' if operator == '!=' else ''}?", (value,))
        return Clause(f"{column.compared} {OPERATORS[operator]} ?", (value,))

    def _value(self, column: Column) -> Any:
        token = self._next()
        word = token.lower()
        if word == "null":
            return None
        kind: Kind
        value: str | float
        if word == "guid":
            kind, value = "guid", self._guid()
        elif word == "datetime":
            kind, value = "date", self._date()
        elif word in ("true", "false"):
            kind, value = "flag", int(word == "true")
        elif token.startswith('"'):
            kind, value = "text", _unquoted(token).casefold()
        else:
            kind, value = "number", _number(token)
        if kind != column.kind:
            raise answers.bad_query("Operator incompatible with operand types")
        return value

    def _guid(self) -> str:
        self._expect("(")
        text = _unquoted(self._next())
        self._expect(")")
        try:
            return str(uuid.UUID(text))
        except ValueError:
            raise answers.bad_query(f"'{text}' is not a Guid") from None

    def _date(self) -> int:
        self._expect("(")
        numbers = [self._next()]
        while self._takes(","):
            numbers.append(self._next())
        self._expect(")")
        try:
            moment = datetime(*(int(number) for number in numbers), tzinfo=UTC)  # type: ignore[arg-type, misc]
        except (TypeError, ValueError):
            raise answers.bad_query(f"DateTime({', '.join(numbers)}) is not a date") from None
        return int(moment.timestamp() * 1000)

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise answers.bad_query("Expression expected")
        self._at += 1
        return self._tokens[self._at - 1]

    def _takes(self, *words: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].upper() in words:
            self._at += 1
            return True
        return False

    def _expect(self, mark: str) -> None:
        if not self._takes(mark):
            raise answers.bad_query(f"'{mark}' expected")


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while text[at:].strip():
        found = TOKEN.match(text, at)
        if found is None:
            raise answers.bad_query(f"Syntax error at position {at}")
        tokens.append(found.group().strip())
        at = found.end()
    return tokens


def _unquoted(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1])


def _number(token: str) -> float:
    try:
        return float(token)
    except ValueError:
        raise answers.bad_query(f"Unknown identifier '{token}'") from None


def _both(left: Clause, right: Clause) -> Clause:
    if right.careful:
        # Only CASE promises SQLite's order of evaluation, which a check for null in front relies on.
        sql = f"({left.sql} AND CASE WHEN {left.sql} THEN {right.sql} ELSE 0 END)"
        return Clause(sql, left.values + left.values + right.values, left.careful)
    return Clause(f"({left.sql} AND {right.sql})", left.values + right.values, left.careful)


def _either(left: Clause, right: Clause) -> Clause:
    if right.careful:
        return Clause(f"CASE WHEN {left.sql} THEN 1 ELSE {right.sql} END", left.values + right.values, left.careful)
    return Clause(f"({left.sql} OR {right.sql})", left.values + right.values, left.careful)
