"""Telling people and programs what needs a person: on change alone, by e-mail and by signed webhooks.

`look` compares what is with what was told, and puts down what changed; `letters` writes to people, `deliveries`
delivers to an address, `wire` is the line to it and `signature` proves that it was us. None of it can fail a sync job.
"""

from __future__ import annotations
