"""`python -m backoffice.sandbox.xero`: the same as `backoffice sandbox xero`."""

from backoffice.sandbox.xero.command import xero

xero(prog_name="python -m backoffice.sandbox.xero")
