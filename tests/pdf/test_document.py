"""A document on paper: what stands on it is read back from the PDF, page by page."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from backoffice.models import (
    Bill,
    BillLine,
    Contact,
    CreditNote,
    CreditNoteLine,
    Document,
    Invoice,
    InvoiceLine,
    PurchaseOrder,
    PurchaseOrderLine,
    Side,
    Status,
    Treatment,
)
from backoffice.pdf import fonts
from backoffice.pdf.document import SIZES, document_pdf, file_name, money, plain
from backoffice.pdf.letterhead import Due, Letterhead, Tax

HEAD = Letterhead(
    company="Kāpiti Harbour Supplies Ltd",
    made_at=dt.datetime(2026, 11, 21, 10, 0, tzinfo=dt.UTC),
    address="12 Wharf Road\nParaparaumu 5032",
    email="accounts@harbour.example",
    phone="+64 4 123 4567",
    tax_number="123-456-789",
    currency="NZD",
    taxes={"OUTPUT2": Tax("GST on Income", Decimal(15)), "NONE": Tax("No GST", Decimal(0))},
)
ROOT = Path(__file__).parent.parent.parent
D = Decimal
LARGEST = D(2**63 - 1).scaleb(-4)


def a_line(model: type[Any] = InvoiceLine, **changes: Any) -> Any:
    values = {
        "description": "Kete, woven",
        "quantity": D("2.5"),
        "unit_price": D("1234.5"),
        "discount": D(0),
        "tax_code": "OUTPUT2",
        "amount": D("3086.25"),
        "tax_amount": D("462.94"),
    }
    return model(**{**values, **changes})


def a_document(model: type[Document] = Invoice, lines: Sequence[Any] | None = None, **changes: Any) -> Any:
    values: dict[str, Any] = {
        "name": "INV-0042",
        "reference": "PO 7781",
        "date": dt.date(2026, 11, 21),
        "due_date": dt.date(2026, 12, 20),
        "treatment": Treatment.EXCLUSIVE,
        "status": Status.APPROVED,
        "archived": False,
        "sub_total": D("3086.25"),
        "tax_total": D("462.94"),
        "total": D("3549.19"),
    }
    party = Contact(
        name="Acme Ltd",
        first_name="Hēmi",
        last_name="Te Rangi",
        street="5 Karangahape Road\nLevel 2",
        city="Auckland",
        postal_code="1010",
        country="New Zealand",
    )
    document = model(**{"contact": party, **values, **changes})
    document.lines = [a_line(model.line)] if lines is None else list(lines)
    return document


def pages(pdf: bytes) -> list[str]:
    """The text of each page."""
    with pypdfium2.PdfDocument(pdf) as opened:
        found = []
        for number in range(len(opened)):
            page = opened[number]
            text = page.get_textpage()
            found.append(text.get_text_range().replace("\r\n", "\n"))
            text.close()
            page.close()
        return found


def text_of(document: Document, head: Letterhead = HEAD) -> str:
    """The text of its pages, as one line of words."""
    return " ".join(" ".join(pages(document_pdf(document, head))).split())


def test_an_invoice_says_whose_it_is_and_what_is_to_be_paid():
    said = text_of(a_document(amount_due=D("3000.00"), amount_paid=D("549.19")))
    for words in (
        "Kāpiti Harbour Supplies Ltd",
        "12 Wharf Road Paraparaumu 5032 +64 4 123 4567 accounts@harbour.example Tax number 123-456-789",
        "Tax invoice",
        "Acme Ltd",
        "Hēmi Te Rangi",
        "5 Karangahape Road Level 2 Auckland 1010 New Zealand",
        "Number INV-0042",
        "Reference PO 7781",
        "Date 21 Nov 2026",
        "Due 20 Dec 2026",
        "Currency NZD",
        "Description Quantity Unit price Tax Amount NZD",
        "Kete, woven 2.5 1,234.50 15 % 3,086.25",
        "Subtotal 3,086.25",
        "Tax 15 % (GST on Income) 462.94",
        "Total NZD 3,549.19",
        "Paid -549.19",
        "Amount due NZD 3,000.00",
        "Prices are without tax; tax is added below.",
        "Page 1 of 1",
    ):
        assert words in said, (words, said)
    assert "Discount" not in said
    assert "DRAFT" not in said


def test_an_order_says_where_it_is_to_be_delivered():
    order = a_document(
        PurchaseOrder,
        name="PO-7",
        delivery_date=dt.date(2026, 12, 1),
        delivery_address="Warehouse 3\nPort Road",
        attention_to="Ana Ngata",
        telephone="04 555 0101",
        delivery_instructions="Ring twice",
        currency="EUR",
    )
    order.lines = [a_line(PurchaseOrderLine, item_code="W-1", unit_price=D("1.239"))]
    said = text_of(order)
    assert "Purchase order" in said
    assert "Deliver by 1 Dec 2026 Deliver to Warehouse 3 Port Road Attention Ana Ngata" in said
    assert "Telephone 04 555 0101 Instructions Ring twice" in said
    assert "1.24" in said  # an order's prices have two decimals in the accounting system
    assert "Total EUR 3,549.19" in said
    assert "due" not in said.casefold().replace("due 20 dec", "")


def test_a_bill_is_from_its_supplier_and_a_credit_note_says_what_is_left_of_it():
    assert "From Acme Ltd" in text_of(a_document(Bill, [a_line(BillLine)]))
    note = a_document(
        CreditNote, [a_line(CreditNoteLine)], side=Side.SALES, amount_due=D("49.19"), amount_credited=D(3500)
    )
    said = text_of(note)
    assert "Used -3,500.00" in said
    assert "Remaining credit NZD 49.19" in said
    assert "To Acme Ltd" in said
    note.side = Side.PURCHASES
    assert "From Acme Ltd" in text_of(note)


def test_payments_known_here_count():
    due = Due(paid=D(500), credited=D(49), left=D("3000.19"))
    said = text_of(a_document(), replace(HEAD, due=due))
    assert "Paid -500.00 Credited -49.00 Amount due NZD 3,000.19" in said
    said = text_of(a_document(), replace(HEAD, due=replace(due, left=D(1000))))
    assert "Paid or credited -2,549.19 Amount due NZD 1,000.00" in said


@pytest.mark.parametrize(
    ("changes", "stamp"),
    [
        ({"status": Status.DRAFT}, "DRAFT"),
        ({"status": Status.AWAITING_APPROVAL}, "DRAFT – NOT APPROVED"),
        ({"status": Status.VOIDED}, "VOIDED"),
        ({"archived": True}, "VOIDED"),
    ],
)
def test_what_does_not_hold_says_so_at_the_head_and_on_every_foot(changes, stamp):
    found = pages(document_pdf(a_document(lines=[a_line() for _ in range(80)], **changes), HEAD))
    assert len(found) > 1
    assert found[0].count(stamp) == 2
    assert all(stamp in page for page in found)
    assert ("Amount due" in " ".join(found)) == (stamp != "VOIDED")


@pytest.mark.parametrize(
    ("treatment", "words"),
    [
        (Treatment.EXCLUSIVE, "Prices are without tax; tax is added below."),
        (Treatment.INCLUSIVE, "Prices include tax."),
        (Treatment.NONE, "No tax applies to these prices."),
    ],
)
def test_how_tax_stands_in_the_prices_is_said_in_words(treatment, words):
    said = text_of(a_document(treatment=treatment))
    assert words in said
    assert ("Tax invoice" in said) == ("15 %" in said) == (treatment is not Treatment.NONE)
    assert ("Subtotal without tax" in said) == (treatment is Treatment.INCLUSIVE)


def test_tax_is_summed_by_rate_and_discounts_have_a_column():
    lines = [a_line(), a_line(discount=D("12.5")), a_line(tax_code="NONE", tax_amount=D(0)), a_line(tax_code="ODD")]
    said = text_of(a_document(lines=lines))
    assert "12.5 %" in said
    assert "Tax 15 % (GST on Income) 925.88 Tax 0 % (No GST) 0.00 Tax ODD 462.94" in said


def test_many_lines_run_over_pages_with_the_head_repeated_and_every_line_once():
    lines = [a_line(description=f"Thing number {n:03d}.", item_code=f"W-{n}") for n in range(1, 151)]
    found = pages(document_pdf(a_document(lines=lines), HEAD))
    assert len(found) > 3
    for number, page in enumerate(found, start=1):
        assert f"Page {number} of {len(found)}" in page
        assert "Amount NZD" in page
    whole = "\n".join(found)
    assert [whole.count(f"Thing number {n:03d}.") for n in range(1, 151)] == [1] * 150
    assert "Total NZD" in found[-1]


def test_a_description_longer_than_a_page_wraps_over_several():
    words = " ".join(f"word{n:04d}" for n in range(1200))
    found = pages(document_pdf(a_document(lines=[a_line(description=words), a_line()]), HEAD))
    whole = " ".join(" ".join(found).split())
    assert len(found) >= 3
    assert all(f"word{n:04d}" in whole for n in range(1200))


def test_money_stands_to_the_right_with_separators():
    assert [money(D(n)) for n in ("0", "-1234.5", "1234567.891")] == ["0.00", "-1,234.50", "1,234,567.89"]
    assert [money(D(n), 4) for n in ("1.5", "1.2345", "1.2300")] == ["1.50", "1.2345", "1.23"]
    assert [plain(D(n)) for n in ("1.5000", "1000", "1000.25", "1E+3")] == ["1.5", "1,000", "1,000.25", "1,000"]
    lines = [a_line(amount=D("1.00")), a_line(amount=D("1234567.89"))]
    with pypdfium2.PdfDocument(document_pdf(a_document(lines=lines), HEAD)) as opened:
        page = opened[0]
        text = page.get_textpage()
        ends = []
        for figure in ("1,234,567.89", "3,549.19"):
            search = text.search(figure)
            start, length = search.get_next()
            ends.append(text.get_charbox(start + length - 1)[2])
            search.close()
        text.close()
        page.close()
    assert ends[0] == pytest.approx(ends[1], abs=1.5)


def test_the_largest_figures_stay_on_the_paper():
    lines = [a_line(quantity=LARGEST, unit_price=-LARGEST, amount=D(2**63 - 1).scaleb(-2), discount=D("99.9999"))]
    said = text_of(a_document(lines=lines, total=D(-(2**63) + 1).scaleb(-2)))
    assert "922,337,203,685,477.5807" in said
    assert "-922,337,203,685,477.5807" in said
    assert "92,233,720,368,547,758.07" in said
    assert SIZES[-1] > 4


@pytest.mark.parametrize(
    "text",
    ["Māori Ōtaki Whangārei", "€ £ ₹ ½ ™", "株式会社 東京", "中文说明", "한국어 설명", "Ελλάδα Россия", "ქართული"],
)
def test_any_script_is_printed(text):
    said = text_of(a_document(lines=[a_line(description=text)], contact=Contact(name=text)))
    assert said.count(text) == 2, said


@pytest.mark.parametrize("text", ["مرحبا بالعالم", "שלום עולם", "हिन्दी में विवरण", "ภาษาไทย"])
def test_scripts_that_join_or_turn_are_set_in_their_own_font(text):
    letters = set(text) - {" "}
    families = {family.name for letter in letters if (family := fonts.family_of(letter))}
    assert families in ({"arabic"}, {"hebrew"}, {"devanagari"}, {"thai"})
    drawn = fonts.printable(text)
    assert drawn == text
    document_pdf(a_document(lines=[a_line(description=f"Latin {text} שלום مرحبا")]), HEAD)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b\x1bc\u202ed\u2066e", "abcde"),
        ("a\r\nb\rc\u2028d\te", "a\nb\nc\nd e"),
        ("\ud800 \ue000 \U0010ffff", "  �"),
        ("ﷲ ① 𝐀", "ﷲ ① 𝐀"),
        ("😀", "(grinning face)"),
        ("தமிழ்", "����"),
        ("{nb} **bold** __x__", "{nb} **bold** __x__"),
        (None, ""),
    ],
)
def test_what_has_no_letter_is_replaced_and_what_is_invisible_left_out(text, shown):
    found = fonts.printable(text)
    assert found == shown or (text == "ﷲ ① 𝐀" and "�" not in found)


def test_the_same_document_gives_the_same_bytes_in_any_process():
    code = (
        "import sys; sys.path.insert(0, 'tests/pdf')\n"
        "import test_document as t\n"
        "sys.stdout.buffer.write(t.document_pdf(t.of_many_scripts(), t.HEAD))"
    )
    there = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True).stdout
    assert there == document_pdf(of_many_scripts(), HEAD)


def of_many_scripts() -> Any:
    return a_document(lines=[a_line(description="東京 مرحبا ā ☎ ½")])


def test_nothing_active_and_nothing_from_outside_is_in_it():
    pdf = document_pdf(a_document(lines=[a_line(description="https://example.org javascript:alert(1)")]), HEAD)
    assert not any(word in pdf for word in (b"/JavaScript", b"/JS", b"/URI", b"/Launch", b"/EmbeddedFile"))


def test_a_file_name_is_plain():
    order = a_document(PurchaseOrder, [], name='PO/7 "ā"\r\nX: y')
    order.id = 5
    assert file_name(order) == "purchase-order-PO-7------X--y.pdf"
    order.name = "東京"
    assert file_name(order) == "purchase-order-5.pdf"


HOSTILE = st.text(max_size=200) | st.text(st.characters(max_codepoint=0x2FF), max_size=400)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(HOSTILE, HOSTILE, HOSTILE, st.lists(HOSTILE, max_size=4))
@example("{nb}", "\ud800\x00", "﷽" * 30, ["x" * 3000, "\n" * 200, "ʻ́́́" * 50])
@example("ا" * 500, "\u00ad" * 50, "W" * 300, ["\u200d" * 40, "🏳️‍🌈" * 20, "\u00a0" * 500])
def test_no_text_breaks_it(name, address, number, descriptions):
    lines = [a_line(description=text, item_code=number[:30], tax_code=name[:50]) for text in descriptions]
    party = Contact(name=name or "x", street=address, city=number, tax_number=name)
    document = a_document(
        PurchaseOrder, name=number[:255], reference=name[:255], contact=party, delivery_address=address, currency="NZD"
    )
    document.lines = [PurchaseOrderLine(**{c: getattr(line, c) for c in COPIED}) for line in lines]
    found = pages(document_pdf(document, replace(HEAD, company=name, address=address, tax_number=number)))
    assert f"Page {len(found)} of {len(found)}" in found[-1]


COPIED = ("description", "item_code", "tax_code", "quantity", "unit_price", "discount", "amount", "tax_amount")
