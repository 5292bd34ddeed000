"""The censor: strikes out what looks like a secret, whoever put it into a line of the log or the report of a failure.

Nothing secret is meant to come here; this is for the day when a library writes an address or a header into its error.
"""

from __future__ import annotations

import re

STRUCK = "[struck out]"
#: What comes before a secret, and the secret.
SECRETS = re.compile(
    r"(?i)(\b(?:bearer|basic)\s+|/welcome/|\bwhsec_"
    r"|\b(?:access_token|refresh_token|id_token|client_secret|code|code_verifier|state|token|password|csrf_token)=)"
    r"[^\s&\"'<>,;)\\]+"
)
#: A password in an address: scheme://user:password@host.
IN_ADDRESS = re.compile(r"(\w+://[^\s:/@]*:)[^\s@/]+(?=@)")


def censored(text: str) -> str:
    """The text without what looks like a secret in it."""
    return IN_ADDRESS.sub(rf"\1{STRUCK}", SECRETS.sub(rf"\1{STRUCK}", text))
