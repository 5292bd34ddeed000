"""The fault test: every fault of the table, as often as it says, on both databases, printed as Markdown.

python -m tests.faults [--seed 1] [--only killed] [--database sqlite] [--times 50] [--side-by-side 3]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click

from tests.faults.playing import play
from tests.faults.scenario import Found, Scenario
from tests.faults.table import SCENARIOS

#: So many copies of everything run at the same time.
SIDE_BY_SIDE = 4
#: How long one copy may take, in seconds, before it counts as failed.
PATIENCE = 900


@dataclass(frozen=True)
class Copy:
    """One copy's part of a row."""

    scenario: Scenario
    sort: str
    seed: int
    times: int

    def command(self) -> list[str]:
        given = {"only": self.scenario.name, "database": self.sort, "seed": self.seed, "times": self.times}
        options = [f"--{name}={value}" for name, value in given.items()]
        return [sys.executable, "-m", "tests.faults", *options, "--alone"]


def copies(scenarios: Iterable[Scenario], sorts: Sequence[str], seed: int, times: int | None) -> list[Copy]:
    """The parts that the rows are split into, those with the most to do first."""
    found = []
    for scenario in scenarios:
        here = [sort for sort in scenario.sorts if sort in sorts]
        number = max(len(here), scenario.copies * len(here) // len(scenario.sorts))
        each = -(-(times or scenario.times) // number)
        found += [Copy(scenario, here[n % len(here)], seed + n // len(here), each) for n in range(number)]
    return sorted(found, key=lambda copy: -copy.times)


def run(copy: Copy) -> Found:
    """Play one part in a process of its own, whose last line is what it found."""
    started = time.monotonic()
    try:
        done = subprocess.run(copy.command(), check=False, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return Found(missed=[f"{copy.scenario.name} on {copy.sort} came to its end within {PATIENCE} s"])
    said = done.stdout.strip().splitlines()
    if done.returncode not in (0, 1) or not said:
        click.echo(done.stderr, err=True)
        return Found(missed=[f"{copy.scenario.name} on {copy.sort} came to its end"])
    found = Found(**json.loads(said[-1]))
    found.counted, found.judged = Counter(found.counted), Counter(found.judged)
    took = time.monotonic() - started
    click.echo(f"{copy.scenario.name} on {copy.sort}, {took:.0f} s: {_verdict(found)}", err=True)
    return found


def _verdict(found: Found) -> str:
    wrong = [*found.lost, *found.doubled, *found.missed]
    return "held" if not wrong else "MISSED\n  " + "\n  ".join(wrong)


def added(founds: Iterable[Found]) -> Found:
    """What several copies found together."""
    total = Found()
    for found in founds:
        total.times += found.times
        for name in ("counted", "judged"):
            getattr(total, name).update(getattr(found, name))
        for name in ("lost", "doubled", "missed"):
            getattr(total, name).extend(getattr(found, name))
        for what, seconds in found.slowest.items():
            total.slowest[what] = max(seconds, total.slowest.get(what, 0.0))
    return total


def show(rows: Sequence[tuple[Scenario, Found]]) -> None:
    """Print the table."""
    click.echo("| fault | times | records judged | lost | doubled | bar | held |")
    click.echo("|---|---|---|---|---|---|---|")
    for scenario, found in rows:
        judged = sum(found.judged.values())
        numbers = f"{found.times:,} | {judged:,} | {len(found.lost)} | {len(found.doubled)}"
        slowest = "".join(f" ({what} in {seconds:.1f} s at most)" for what, seconds in found.slowest.items())
        held = "yes" if found.passed else "**no**"
        click.echo(f"| {scenario.fault} | {numbers} | {scenario.bar}{slowest} | {held} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", choices=[each.name for each in SCENARIOS])
    parser.add_argument("--database", action="append", choices=["sqlite", "postgresql"])
    parser.add_argument("--times", type=int, help="how often each fault is injected")
    parser.add_argument("--side-by-side", type=int, default=SIDE_BY_SIDE)
    parser.add_argument("--alone", action="store_true", help="one copy, in this process; prints what it found as JSON")
    given = parser.parse_args()
    scenarios = [each for each in SCENARIOS if not given.only or each.name in given.only]
    sorts = given.database or ["sqlite", "postgresql"]
    if given.alone:
        _alone(scenarios[0], sorts[0], given.seed, given.times)
    started = time.monotonic()
    parts = copies(scenarios, sorts, given.seed, given.times)
    with ThreadPoolExecutor(given.side_by_side) as pool:
        found = list(zip(parts, pool.map(run, parts), strict=True))
    rows = [(each, added(f for part, f in found if part.scenario is each)) for each in scenarios]
    show(rows)
    click.echo(f"\nSeed {given.seed}; it took {time.monotonic() - started:.0f} s.")
    failed = [scenario.name for scenario, row in rows if not row.passed]
    if failed:
        again = [f"--only {name}" for name in failed] + [f"--database {sort}" for sort in given.database or ()]
        again += [f"--times {given.times}"] if given.times else []
        click.echo(f"Again: python -m tests.faults --seed {given.seed} {' '.join(again)}")
    sys.exit(bool(failed))


def _alone(scenario: Scenario, sort: str, seed: int, times: int | None) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        found = play(scenario, Path(place) / "house", sort, seed, times or scenario.times)
    click.echo(json.dumps(vars(found)))
    sys.exit(not found.passed)


if __name__ == "__main__":
    main()
