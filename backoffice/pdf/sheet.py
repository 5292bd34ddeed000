"""A printed sheet: A4 pages with a head, text that wraps, a table whose head is repeated, and page numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Literal

from fpdf import FPDF
from fpdf.enums import Align, MethodReturnValue
from fpdf.fonts import TTFFont

from backoffice.pdf import fonts

#: In millimetres: A4, and what is left white around it.
WIDTH, HEIGHT, MARGIN = 210.0, 297.0, 16.0
#: Where the body ends and the foot begins.
BOTTOM = HEIGHT - 22.0
INNER = WIDTH - 2 * MARGIN
INK, SOFT, RULE = 25, 105, 190
#: From the size of type, in points, to the height of its line, in millimetres.
LINE = 0.47
Style = Literal["", "B"]


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, its width in millimetres, and whether it holds figures."""

    title: str
    width: float
    figures: bool = True


class Sheet:
    """A document being set. As a context, it holds the fonts; `y` is where the next thing goes."""

    def __init__(self, texts: Iterable[str], made_at: datetime, title: str, author: str) -> None:
        self.paper = FPDF(format="A4")
        self.paper.alias_nb_pages("")  # `{nb}` in a text is a text
        self.paper.set_auto_page_break(False)
        self.paper.set_margin(MARGIN)
        self.paper.c_margin = 0
        self.paper.set_creation_date(made_at)
        self.paper.set_title(title)
        self.paper.set_author(author)
        self.paper.set_lang("en")
        self.paper.set_display_mode("fullwidth")
        self._texts = list(texts)

    def __enter__(self) -> Sheet:
        self._folder = TemporaryDirectory(prefix="backoffice-fonts-")
        fonts.put(self.paper, fonts.needed(self._texts), Path(self._folder.name))
        self.paper.set_text_shaping(True, features={"tnum": True, "lnum": True})
        self.paper.add_page()
        self.y = MARGIN
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for font in self.paper.fonts.values():
            if isinstance(font, TTFFont):
                font.close()
        self._folder.cleanup()

    def write(self) -> bytes:
        """The finished document."""
        return bytes(self.paper.output())

    # Text.

    def pen(self, size: float, style: Style = "", grey: int = INK) -> None:
        self.paper.set_font("text", style, size)
        self.paper.set_text_color(grey)

    def lines(self, text: str, width: float, size: float, style: Style = "") -> list[str]:
        """A text as it is broken to a width."""
        self.pen(size, style)
        found = self.paper.multi_cell(
            width, 1, text.rstrip(), align=Align.L, dry_run=True, output=MethodReturnValue.LINES
        )
        return [str(line) for line in found] if isinstance(found, list) else []

    def width(self, text: str, size: float, style: Style = "") -> float:
        self.pen(size, style)
        return float(self.paper.get_string_width(text))

    def put(
        self,
        text: str,
        x: float,
        y: float,
        width: float,
        size: float,
        style: Style = "",
        grey: int = INK,
        right: bool = False,
    ) -> None:
        """Set one line."""
        self.pen(size, style, grey)
        self.paper.set_xy(x, y)
        self.paper.cell(width, size * LINE, text, align=Align.R if right else Align.L)

    def block(
        self, text: str, x: float, y: float, width: float, size: float, style: Style = "", grey: int = INK
    ) -> float:
        """Set a text that wraps, on to the next page where it has to; returns where it ends."""
        for line in self.lines(text, width, size, style) if text else ():
            if y + size * LINE > BOTTOM:
                self.next_page()
                y = self.y
            self.put(line, x, y, width, size, style, grey)
            y += size * LINE
        return y

    def rule(self, y: float, x: float = MARGIN, width: float = INNER, grey: int = RULE) -> None:
        """A hairline."""
        self.paper.set_draw_color(grey)
        self.paper.set_line_width(0.2)
        self.paper.line(x, y, x + width, y)

    def stamp(self, text: str, x: float, y: float, width: float, size: float = 13) -> float:
        """A word in a frame, to the right; returns where it ends."""
        high, wide = size * LINE + 3, self.width(text, size, "B") + 8
        self.paper.set_draw_color(170, 20, 20)
        self.paper.set_line_width(0.6)
        self.paper.rect(x + width - wide, y, wide, high)
        self.put(text, x, y + 1.5, width - 4, size, "B", right=True)
        return y + high

    # Pages.

    def next_page(self) -> None:
        self.paper.add_page()
        self.y = MARGIN

    def room(self, height: float) -> bool:
        """Make sure of that much room, on a new page if need be; says whether it is one."""
        if self.y + height <= BOTTOM or self.y <= MARGIN:
            return False
        self.next_page()
        return True

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[str]], size: float) -> None:
        """Set a table: its head on every page that it reaches, a row over several pages where it has to be."""
        high = size * LINE
        self.room(high * 4)
        self._head(columns, size)
        for row in rows:
            cells = [self.lines(text, column.width - 2, size) for column, text in zip(columns, row, strict=True)]
            depth = max(map(len, cells), default=1) or 1
            if depth <= 12 and self.y + depth * high + 2 > BOTTOM:
                self._over(columns, size)
            self.y += 1
            for at in range(depth):
                if self.y + high > BOTTOM:
                    self._over(columns, size)
                self._row(columns, [cell[at] if at < len(cell) else "" for cell in cells], size)
            self.y += 1
            self.rule(self.y, grey=225)

    def _over(self, columns: Sequence[Column], size: float) -> None:
        self.next_page()
        self._head(columns, size)

    def _head(self, columns: Sequence[Column], size: float) -> None:
        self._row(columns, [column.title for column in columns], size, "B")
        self.y += 1
        self.rule(self.y, grey=INK)

    def _row(self, columns: Sequence[Column], cells: Sequence[str], size: float, style: Style = "") -> None:
        x = MARGIN
        for column, text in zip(columns, cells, strict=True):
            if text:
                self.put(text, x + 1, self.y, column.width - 2, size, style, right=column.figures)
            x += column.width
        self.y += size * LINE

    def feet(self, left: str, right: str) -> None:
        """Number every page: `right` is written with its number and the number of all."""
        pages = self.paper.pages_count
        for number in range(1, pages + 1):
            self.paper.page = number
            self.pen(9, "B")  # a page that is gone back to is told its type anew
            self.rule(BOTTOM + 4)
            self.put(self.lines(left, INNER - 40, 8)[0] if left else "", MARGIN, BOTTOM + 6, INNER - 40, 8, grey=SOFT)
            self.put(right.format(number, pages), MARGIN, BOTTOM + 6, INNER, 8, grey=SOFT, right=True)
