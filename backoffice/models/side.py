"""The two sides of a business."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """What the company sells, and what it buys."""

    SALES = "sales"
    PURCHASES = "purchases"
