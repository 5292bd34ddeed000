"""The letters of printed documents: which installed font has which of them, and what stands for those that none has.

FiraGO has Latin, Greek, Cyrillic, Arabic, Hebrew, Devanagari, Thai and Georgian letters, Noto Sans the rarer Latin
ones, Noto Sans CJK the Chinese, Japanese and Korean ones. They come from wheels; nothing on the machine is looked for.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import noto_cjk_sans_otc
import pymupdf_fonts
from fontTools.ttLib import TTFont
from fpdf import FPDF

#: Of what no font has: a letter that could not be printed.
MISSING = "\N{REPLACEMENT CHARACTER}"
#: Invisible characters that join letters or keep them apart; the others of their sort could only deceive.
JOINERS = "\u200c\u200d"
CJK_FILE = Path(str(noto_cjk_sans_otc.FONT_PATH))

logging.getLogger("fontTools.subset").setLevel(logging.ERROR)  # it tells of each table that it drops

Ranges = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Family:
    """Letters that are set together: those of one script, of one font, with their bold ones where there are any."""

    name: str
    font: str
    bold: str | None = None
    #: The letters it is for; empty for all that the font has.
    ranges: Ranges = ()

    def has(self, letter: int) -> bool:
        wanted = not self.ranges or any(first <= letter <= last for first, last in self.ranges)
        return wanted and letter in letters_of(self.font)


#: Each script by itself, since the letters of a run are joined by the rules of its first one. Joining needs the script.
ARABIC: Ranges = ((0x600, 0x6FF), (0x750, 0x77F), (0xFB50, 0xFDFF), (0xFE70, 0xFEFF))
HEBREW: Ranges = ((0x590, 0x5FF), (0xFB1D, 0xFB4F))
DEVANAGARI: Ranges = ((0x900, 0x97F), (0xA8E0, 0xA8FF))
THAI: Ranges = ((0xE00, 0xE7F),)
EUROPEAN: Ranges = ((0x20, 0x58F), (0x10A0, 0x10FF), (0x1E00, 0x2FFF))
FAMILIES = (
    Family("text", "figo", "figbo", EUROPEAN),
    Family("arabic", "figo", "figbo", ARABIC),
    Family("hebrew", "figo", "figbo", HEBREW),
    Family("devanagari", "figo", "figbo", DEVANAGARI),
    Family("thai", "figo", "figbo", THAI),
    Family("latin", "notos", "notosbo"),
    Family("symbols", "symbol1"),
    Family("more symbols", "symbol2"),
    Family("mathematics", "math"),
    Family("cjk", "cjk"),
)


@cache
def letters_of(font: str) -> frozenset[int]:
    """The characters that a font has."""
    source = CJK_FILE if font == "cjk" else BytesIO(pymupdf_fonts.myfont(font))
    with TTFont(source, fontNumber=0, lazy=True) as opened:
        return frozenset(opened.getBestCmap())


@cache
def family_of(letter: str) -> Family | None:
    """What a character is set in; None when no font has it."""
    return next((family for family in FAMILIES if family.has(ord(letter))), None)


def printable(text: str | None) -> str:
    """A text of which every character can be printed. Lines stay; what is invisible or has no letter does not."""
    lines = unicodedata.normalize("NFC", text or "").replace("\r\n", "\n").replace("\r", "\n").expandtabs(4)
    return "".join(_shown(letter) for letter in lines)


@cache
def _shown(letter: str) -> str:
    sort = unicodedata.category(letter)
    if letter == "\n" or (letter in JOINERS and family_of(letter)):
        return letter
    if sort in ("Zl", "Zp"):
        return "\n"
    if sort == "Zs":
        return letter if letter == "\u00a0" else " "
    if sort in ("Cc", "Cf", "Cs", "Co", "Cn", "Sk") and not (sort == "Sk" and family_of(letter)):
        return "" if sort != "Cn" else MISSING
    return letter if family_of(letter) else _instead(letter, sort)


def _instead(letter: str, sort: str) -> str:
    """What is printed for a character that no font has: a plainer one, a picture's name, or a mark."""
    plainer = unicodedata.normalize("NFKC", letter)
    if plainer != letter and all(one == " " or family_of(one) for one in plainer):
        return plainer
    if sort == "So":
        return f"({unicodedata.name(letter, 'symbol').lower()})"
    return "" if sort == "Mn" else MISSING


def needed(texts: Iterable[str]) -> list[Family]:
    """The families that printable texts are set in; the first one always."""
    used = {family_of(letter) for letter in {*"".join(texts)} - {"\n"}}
    return [family for family in FAMILIES if family in used or family is FAMILIES[0]]


def put(sheet: FPDF, families: Sequence[Family], folder: Path) -> None:
    """Give a sheet its fonts. The folder holds their files until the sheet has been written."""
    for family in families:
        for style, font in (("", family.font), ("B", family.bold)):
            if font:
                sheet.add_font(family.name, style, _file(font, folder), unicode_range=family.ranges or None)
    sheet.set_fallback_fonts([family.name for family in families[1:]], exact_match=False)


def _file(font: str, folder: Path) -> Path:
    if font == "cjk":
        return CJK_FILE
    path = folder / f"{font}.ttf"
    if not path.exists():
        path.write_bytes(pymupdf_fonts.myfont(font))
    return path
