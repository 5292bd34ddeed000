"""Files that people bring: any bytes, as any sort of record, taken all the way to the import."""

from __future__ import annotations

import codecs
import io

from hypothesis import given
from hypothesis import strategies as st

from backoffice.imports.sorts import SORTS
from backoffice.models import Role
from tests.hostile.attack import FILE_NAMES, NASTY, VALUE, assert_well
from tests.hostile.cases import cases
from tests.hostile.conftest import Beginning, Estate

HEADERS = sorted(
    {header for sort in SORTS.values() for target in sort.targets for header in (target.key, target.label)}
)
CELL = VALUE | st.sampled_from(NASTY) | st.sampled_from(["Acme Ltd", "2026-11-01", "12.50", "1", "OUTPUT2", "200"])
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "latin-1", "utf-32", "utf-7")
WHOLE_FILES = (
    b"", b"\n", b"\0" * 5000, b"name", b"name\n", b"sep=;\nname\nA", codecs.BOM_UTF8, codecs.BOM_UTF16_LE + b"n",
    b"\xff\xfe\xff", b"PK\x03\x04zip", b"%PDF-", b"name\n\"open", b"name\n\"a\"b\n", b"name\n" + b"a" * 1_000_000,
    b"name\n" + b"\"" * 200_001, b",".join([b"name"] * 300), b"name\r" * 100, b"name\n=1+1\n@x\n", b"\x1f\x8b\x08",
    b"\xef\xbb\xbf\xef\xbb\xbfname\nA\n",
)  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """Columns that an import may know, and cells that it may not."""
    headers = draw(st.lists(st.sampled_from(HEADERS) | VALUE, min_size=1, max_size=6))
    rows = draw(st.lists(st.lists(CELL, max_size=7), max_size=5))
    quote = draw(st.sampled_from(['"', ""]))
    between = draw(st.sampled_from([",", ";", "\t"]))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = end.join(between.join(f"{quote}{cell}{quote}" for cell in row) for row in [headers, *rows])
    return text.encode(draw(st.sampled_from(ENCODINGS)), "replace")


@cases(80)
@given(
    content=tables() | st.binary(max_size=300) | st.sampled_from(WHOLE_FILES),
    sort=st.sampled_from(sorted(SORTS)),
    name=FILE_NAMES,
    columns=st.lists(st.sampled_from(["0", "1", "2", "-1", "999", "x", ""]), min_size=4, max_size=4),
)
def test_any_file_is_read_or_refused_in_words(
    estate: Estate, beginning: Beginning, content: bytes, sort: str, name: str, columns: list[str]
) -> None:
    estate.begin_again(beginning)
    person = beginning.people[Role.OPERATOR]
    client, token = estate.client(person), {"csrf_token": person[1]}
    imports = f"/c/{beginning.company_id}/imports/"
    taken = client.post(imports, data={**token, "sort": sort, "file": (io.BytesIO(content), name)})
    taken.request.environ["wsgi.input"].close()  # the client keeps what is long in a file
    assert_well(taken, frozenset({""}))
    assert_well(client.get(taken.headers.get("Location", imports)), frozenset({""}))
    chosen = {f"column-{target.key}": at for target, at in zip(SORTS[sort].targets, columns, strict=False)}
    for step, more in (("columns", chosen), ("run", {"which": "good"})):
        assert_well(client.post(f"{imports}{step}/?id=1", data={**token, **more}), frozenset({""}))
    assert_well(client.get(f"{imports}file/?id=1"), frozenset({""}))
