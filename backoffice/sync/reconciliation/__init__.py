"""Reconciliation: both sides compared whole, what differs kept, and settled as people choose."""
