"""Xero: its addresses, its shapes and its moods."""
