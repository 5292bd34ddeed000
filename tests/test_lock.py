"""The lock file: every package pinned with its hashes, and no word about where it was fetched from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCK = (ROOT / "requirements.lock").read_text()
#: "name==version ; marker" and its hashes, one package each.
PACKAGE = re.compile(
    r"^(?P<requirement>[^\s#-][^\\\n]*?)\s*\\\n(?P<hashes>(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def locked() -> list[Requirement]:
    return [Requirement(match["requirement"]) for match in PACKAGE.finditer(LOCK)]


def test_names_no_place():
    assert "://" not in LOCK
    assert " @ " not in LOCK
    lines = [line for line in LOCK.splitlines() if not line.startswith("    --hash=")]
    assert [line for line in lines if line.lstrip().startswith(("-", ".", "/"))] == []


def test_pins_every_package_with_hashes():
    rest = [line for line in PACKAGE.sub("", LOCK).splitlines() if line and not line.startswith("#")]
    assert rest == []
    assert locked()
    assert [r.name for r in locked() if not re.fullmatch(r"==[^,*]+", str(r.specifier))] == []


def test_holds_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    versions = {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in locked()}
    for requirement in map(Requirement, asked):
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not locked: run `make lock`"
        assert requirement.specifier.contains(version), f"{requirement.name} is locked at {version}: run `make lock`"
