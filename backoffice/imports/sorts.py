"""What a file can bring, and which columns it may have for that: their names, and what other programs call them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backoffice.database import folded
from backoffice.models import Bill, Contact, Document, Invoice, Item, PurchaseOrder, Record


@dataclass(frozen=True)
class Target:
    """Something that a column of a file can hold."""

    key: str
    label: str
    #: What other files call it, less blanks, marks and case.
    aliases: tuple[str, ...] = ()
    required: bool = False
    #: What the form says about it.
    help: str = ""


@dataclass(frozen=True)
class Sort:
    """Something that a file can bring."""

    key: str
    label: str
    plural: str
    model: type[Record]
    targets: tuple[Target, ...]
    #: The mark that a party gets when it is made by the import.
    party_mark: str = ""
    #: What people call the party of a document.
    party: str = ""

    @property
    def document(self) -> type[Document] | None:
        """The class of the documents that it brings, if it brings some."""
        return self.model if issubclass(self.model, Document) else None

    def target(self, key: str) -> Target | None:
        return next((each for each in self.targets if each.key == key), None)


def bare(text: str) -> str:
    """A heading as it is compared: letters and digits alone, without case."""
    return re.sub(r"[\W_]+", "", folded(text))


def guessed(sort: Sort, headers: Sequence[str], remembered: Mapping[str, str] | None = None) -> dict[str, int]:
    """Which column holds which target: as it was the last time, else by the headings."""
    places: dict[str, list[int]] = {}
    for at, header in enumerate(headers):
        places.setdefault(bare(header), []).append(at)
    found: dict[str, int] = {}
    # A document's number is kept as its name; a column called Name is its party's.
    keys = {target.key: "" if sort.document and target.key == "name" else bare(target.key) for target in sort.targets}
    by_name = [(t, {bare((remembered or {}).get(t.key, "")), bare(t.label), keys[t.key]}) for t in sort.targets]
    by_alias = [(target, set(target.aliases)) for target in sort.targets]
    for target, names in (*by_name, *by_alias):
        free = [at for name in sorted(names - {""}) for at in places.get(name, ()) if at not in found.values()]
        if free and target.key not in found:
            found[target.key] = min(free)
    return found


def _columns(model: type[Record], *columns: str, required: str = "", **aliases: tuple[str, ...]) -> tuple[Target, ...]:
    return tuple(
        Target(column, model.column_label(column), aliases.get(column, ()), column == required) for column in columns
    )


CONTACT = (
    *_columns(
        Contact,
        "name",
        "number",
        "account_number",
        "first_name",
        "last_name",
        "email",
        "phone",
        "mobile",
        "tax_number",
        "company_number",
        "bank_account",
        "street",
        "city",
        "region",
        "postal_code",
        "country",
        "currency",
        required="name",
        name=(
            "contactname",
            "company",
            "companyname",
            "supplier",
            "suppliername",
            "customer",
            "customername",
            "vendor",
        ),
        number=("suppliernumber", "customernumber", "no", "id"),
        email=("emailaddress", "mail"),
        phone=("telephone", "phonenumber", "tel"),
        mobile=("mobilenumber", "cell"),
        tax_number=("vatnumber", "gstnumber", "taxid", "vatid", "abn"),
        bank_account=("bankaccountnumber", "iban", "bankaccountdetails"),
        street=("address", "addressline1", "poaddressline1", "streetaddress"),
        city=("town", "pocity"),
        region=("state", "province", "county", "poregion"),
        postal_code=("postcode", "zip", "zipcode", "popostalcode", "zippostalcode"),
        country=("pocountry",),
        currency=("currencycode", "defaultcurrency"),
    ),
)
ITEM = _columns(
    Item,
    "code",
    "name",
    "description",
    "purchase_description",
    "is_sold",
    "is_purchased",
    "sales_price",
    "sales_account",
    "sales_tax",
    "purchase_price",
    "purchase_account",
    "purchase_tax",
    "group",
    required="code",
    code=("itemcode", "sku", "productcode", "number"),
    name=("itemname", "productname", "product", "item"),
    description=("salesdescription",),
    purchase_description=("purchasesdescription",),
    sales_price=("salesunitprice", "price", "sellingprice", "unitprice"),
    sales_account=("salesaccountcode", "incomeaccount"),
    sales_tax=("salestaxrate", "salestaxtype"),
    purchase_price=("purchasesunitprice", "cost", "unitcost", "purchaseunitprice"),
    purchase_account=("purchasesaccount", "purchasesaccountcode", "expenseaccount"),
    purchase_tax=("purchasestaxrate", "purchasestaxtype"),
    group=("category", "itemgroup", "itemcategory"),
)


def _party(word: str) -> tuple[Target, ...]:
    names = ("contactname", "contact", "party", "name", f"{word}name", "vendor" if word == "supplier" else "client")
    return (
        Target("party", word.capitalize(), names, help="Found by number, then e-mail, then name."),
        Target("party_number", f"{word.capitalize()} number", ("contactnumber", "partynumber")),
        Target("party_email", f"{word.capitalize()} e-mail", ("emailaddress", "email", "contactemail", "partyemail")),
    )


LINES = (
    Target("item_code", "Item", ("itemcode", "inventoryitemcode", "sku", "productcode")),
    Target("description", "Description", ("linedescription", "details")),
    Target("quantity", "Quantity", ("qty",), help="1 where it is empty."),
    Target("unit_price", "Unit price", ("unitamount", "price", "rate", "unitcost")),
    Target("discount", "Discount %", ("discountpercent", "discountpercentage", "discountrate")),
    Target("account_code", "Account", ("accountcode", "glaccount", "ledgeraccount")),
    Target("tax_code", "Tax", ("taxcode", "taxtype", "taxrate", "vatcode", "gstcode")),
    Target("tracking_1", "Tracking", ("trackingoption1", "tracking1")),
    Target("tracking_2", "Second tracking", ("trackingoption2", "tracking2")),
)

PER_DOCUMENT = "For files in which each document says so."
CHECKED = "Compared with what the lines come to, tax included."


def _document(model: type[Document], word: str, *more: Target, discount: bool) -> tuple[Target, ...]:
    own = bare(model.label)
    return (
        Target("name", "Number", (f"{own}number", "documentnumber", "no", "billnumber", "invoicenumber"), True),
        *_party(word),
        Target("date", "Date", (f"{own}date", "issuedate", "documentdate", "invoicedate", "orderdate"), True),
        *(() if model is PurchaseOrder else (Target("due_date", "Due date", ("duedate", "paymentdue")),)),
        Target("reference", "Reference", ("ref", "yourreference", "memo")),
        Target("currency", "Currency", ("currencycode",)),
        Target("currency_rate", "Currency rate", ("exchangerate",)),
        Target("treatment", "Amounts are", ("amountsare", "taxtreatment", "lineamounttypes"), help=PER_DOCUMENT),
        *more,
        *(line for line in LINES if discount or line.key != "discount"),
        Target("line_amount", "Amount", ("lineamount", "linetotal"), help="Compared with what the line comes to."),
        Target("total", "Total", ("documenttotal", "grandtotal", f"{own}total", "totalamount"), help=CHECKED),
    )  # fmt: skip


DELIVERY = (
    Target("delivery_date", "Delivery date", ("deliverydate", "expecteddate")),
    Target("delivery_address", "Delivery address", ("shipto", "shippingaddress")),
    Target("attention_to", "Attention", ("attentionto",)),
    Target("telephone", "Telephone", ("deliverytelephone",)),
    Target("delivery_instructions", "Delivery instructions", ("instructions",)),
)
SORTS: dict[str, Sort] = {
    sort.key: sort
    for sort in (
        Sort("supplier", "supplier", "suppliers", Contact, CONTACT, "supplier_here"),
        Sort("customer", "customer", "customers", Contact, CONTACT, "customer_here"),
        Sort("item", "item", "items", Item, ITEM),
        Sort(
            "purchase_order",
            "purchase order",
            "purchase orders",
            PurchaseOrder,
            _document(PurchaseOrder, "supplier", *DELIVERY, discount=False),
            "supplier_here",
            "supplier",
        ),
        Sort("bill", "bill", "bills", Bill, _document(Bill, "supplier", discount=False), "supplier_here", "supplier"),
        Sort(
            "invoice",
            "invoice",
            "invoices",
            Invoice,
            _document(Invoice, "customer", discount=True),
            "customer_here",
            "customer",
        ),
    )
}
