"""What differs from country to country, tax rates above all, and the chart of accounts."""

from __future__ import annotations

from dataclasses import dataclass

# code, name, components, report tax type, what it can be applied to (Assets, Equity, Expenses, Liabilities, Revenue)
TaxLine = tuple[str, str, tuple[tuple[str, float], ...], str]


@dataclass(frozen=True)
class Region:
    """A country's Xero."""

    version: str
    country: str
    currency: str
    currency_name: str
    timezone: str
    dial: str
    cities: tuple[str, ...]
    sales_tax: str
    purchases_tax: str
    zero_sales_tax: str
    tax_period: str
    year_end: tuple[int, int]
    tax_rates: tuple[TaxLine, ...]


NEW_ZEALAND = Region(
    version="NZ",
    country="NZ",
    currency="NZD",
    currency_name="New Zealand Dollar",
    timezone="NEWZEALANDSTANDARDTIME",
    dial="64",
    cities=("Auckland", "Wellington", "Christchurch", "Hamilton", "Tauranga", "Dunedin", "Nelson", "Napier", "Rotorua"),
    sales_tax="OUTPUT2",
    purchases_tax="INPUT2",
    zero_sales_tax="ZERORATED",
    tax_period="TWOMONTHS",
    year_end=(31, 3),
    tax_rates=(
        ("OUTPUT2", "15% GST on Income", (("GST", 15.0),), "OUTPUT"),
        ("INPUT2", "15% GST on Expenses", (("GST", 15.0),), "INPUT"),
        ("ZERORATED", "Zero Rated", (("GST", 0.0),), "OUTPUT"),
        ("NONE", "No GST", (("No GST", 0.0),), "NONE"),
        ("GSTONIMPORTS", "GST on Imports", (("GST", 0.0),), "GSTONIMPORTS"),
    ),
)
UNITED_KINGDOM = Region(
    version="UK",
    country="GB",
    currency="GBP",
    currency_name="British Pound",
    timezone="GMTSTANDARDTIME",
    dial="44",
    cities=("London", "Bristol", "Leeds", "Manchester", "Glasgow", "Cardiff", "Norwich", "Plymouth", "Hull"),
    sales_tax="OUTPUT2",
    purchases_tax="INPUT2",
    zero_sales_tax="ZERORATEDOUTPUT",
    tax_period="QUARTERLY",
    year_end=(31, 3),
    tax_rates=(
        ("OUTPUT2", "20% (VAT on Income)", (("VAT", 20.0),), "OUTPUT"),
        ("INPUT2", "20% (VAT on Expenses)", (("VAT", 20.0),), "INPUT"),
        ("RROUTPUT", "5% (VAT on Income)", (("VAT", 5.0),), "OUTPUT"),
        ("RRINPUT", "5% (VAT on Expenses)", (("VAT", 5.0),), "INPUT"),
        ("ZERORATEDOUTPUT", "Zero Rated Income", (("VAT", 0.0),), "ZERORATEDOUTPUT"),
        ("ZERORATEDINPUT", "Zero Rated Expenses", (("VAT", 0.0),), "ZERORATEDINPUT"),
        ("EXEMPTOUTPUT", "Exempt Income", (("VAT", 0.0),), "EXEMPTOUTPUT"),
        ("EXEMPTINPUT", "Exempt Expenses", (("VAT", 0.0),), "EXEMPTINPUT"),
        ("ECACQUISITIONS", "EC Acquisitions (20%)", (("VAT", 20.0),), "ECACQUISITIONS"),
        ("REVERSECHARGES", "Reverse Charge Expenses (20%)", (("VAT", 20.0),), "REVERSECHARGES"),
        ("NONE", "No VAT", (("No VAT", 0.0),), "NONE"),
    ),
)

# code, name, type, system account, whether payments may be posted to it; one chart serves both countries.
AccountLine = tuple[str, str, str, str, bool]
CHART: tuple[AccountLine, ...] = (
    ("", "Business Bank Account", "BANK", "", False),
    ("", "Business Savings Account", "BANK", "", False),
    ("200", "Sales", "SALES", "", False),
    ("210", "Delivery Income", "SALES", "", False),
    ("260", "Other Revenue", "REVENUE", "", False),
    ("270", "Interest Income", "REVENUE", "", False),
    ("300", "Purchases", "DIRECTCOSTS", "", False),
    ("310", "Cost of Goods Sold", "DIRECTCOSTS", "", False),
    ("320", "Direct Wages", "DIRECTCOSTS", "", False),
    ("325", "Direct Expenses", "DIRECTCOSTS", "", False),
    ("400", "Advertising", "OVERHEADS", "", False),
    ("404", "Bank Fees", "OVERHEADS", "", False),
    ("408", "Cleaning", "OVERHEADS", "", False),
    ("412", "Consulting & Accounting", "OVERHEADS", "", False),
    ("416", "Depreciation", "DEPRECIATN", "", False),
    ("420", "Entertainment", "OVERHEADS", "", False),
    ("425", "Freight & Courier", "OVERHEADS", "", False),
    ("429", "General Expenses", "OVERHEADS", "", False),
    ("433", "Insurance", "OVERHEADS", "", False),
    ("437", "Interest Expense", "OVERHEADS", "", False),
    ("441", "Legal Expenses", "OVERHEADS", "", False),
    ("445", "Light, Power, Heating", "OVERHEADS", "", False),
    ("449", "Motor Vehicle Expenses", "OVERHEADS", "", False),
    ("453", "Office Expenses", "OVERHEADS", "", False),
    ("457", "Operating Lease Payments", "OVERHEADS", "", False),
    ("461", "Printing & Stationery", "OVERHEADS", "", False),
    ("469", "Rent", "OVERHEADS", "", False),
    ("473", "Repairs and Maintenance", "OVERHEADS", "", False),
    ("477", "Salaries", "OVERHEADS", "", False),
    ("485", "Subscriptions", "OVERHEADS", "", False),
    ("489", "Telephone & Internet", "OVERHEADS", "", False),
    ("493", "Travel - National", "OVERHEADS", "", False),
    ("494", "Travel - International", "OVERHEADS", "", False),
    ("497", "Bank Revaluations", "EXPENSE", "BANKCURRENCYGAIN", False),
    ("498", "Unrealised Currency Gains", "EXPENSE", "UNREALISEDCURRENCYGAIN", False),
    ("499", "Realised Currency Gains", "EXPENSE", "REALISEDCURRENCYGAIN", False),
    ("610", "Accounts Receivable", "CURRENT", "DEBTORS", False),
    ("620", "Prepayments", "CURRENT", "", False),
    ("630", "Inventory", "INVENTORY", "", False),
    ("710", "Office Equipment", "FIXED", "", False),
    ("711", "Less Accumulated Depreciation on Office Equipment", "FIXED", "", False),
    ("720", "Computer Equipment", "FIXED", "", False),
    ("721", "Less Accumulated Depreciation on Computer Equipment", "FIXED", "", False),
    ("800", "Accounts Payable", "CURRLIAB", "CREDITORS", False),
    ("801", "Unpaid Expense Claims", "CURRLIAB", "UNPAIDEXPCLM", True),
    ("820", "Sales Tax", "CURRLIAB", "GST", False),
    ("825", "Payroll Tax Payable", "CURRLIAB", "", False),
    ("830", "Income Tax Payable", "CURRLIAB", "", False),
    ("840", "Historical Adjustment", "CURRLIAB", "HISTORICAL", False),
    ("850", "Suspense", "CURRLIAB", "", False),
    ("860", "Rounding", "CURRLIAB", "ROUNDING", False),
    ("877", "Tracking Transfers", "CURRLIAB", "TRACKINGTRANSFERS", False),
    ("880", "Owner's Drawings", "CURRLIAB", "", True),
    ("881", "Owner's Funds Introduced", "CURRLIAB", "", True),
    ("900", "Loan", "TERMLIAB", "", False),
    ("960", "Retained Earnings", "EQUITY", "RETAINEDEARNINGS", False),
    ("970", "Owner's Share Capital", "EQUITY", "", False),
)
