"""A person's browser without JavaScript, over real HTTP: signs in, fills forms, presses buttons."""

from __future__ import annotations

import re
from typing import Any

import requests

from tests.faults.house import EMAIL, House

TOKEN = re.compile(r'name="csrf_token" (?:type="hidden" )?value="([^"]+)"')
PATIENCE = 30.0


class Browser:
    """One browser, signed in."""

    def __init__(self, house: House, company_id: int) -> None:
        self.root = f"http://127.0.0.1:{house.port}"
        self.place = f"/c/{company_id}"
        self._session = requests.Session()
        house.until(self._serves)
        form = {"csrf_token": self.token("/sign-in"), "email": EMAIL, "password": house.password}
        self._session.post(f"{self.root}/sign-in", form, timeout=PATIENCE).raise_for_status()
        self.csrf = self.token("/account/")

    def _serves(self) -> bool:
        try:
            return requests.get(f"{self.root}/healthz", timeout=PATIENCE).ok
        except requests.ConnectionError:
            return False

    def token(self, path: str) -> str:
        found = TOKEN.search(self.get(path))
        assert found, path
        return found.group(1)

    def get(self, path: str) -> str:
        answer = self._session.get(self.root + path, timeout=PATIENCE)
        answer.raise_for_status()
        return answer.text

    def post(self, path: str, data: dict[str, Any]) -> requests.Response:
        """Send a form; the answer is a redirect where it was taken. Raises: requests.ConnectionError."""
        form = {"csrf_token": self.csrf, **data}
        return self._session.post(self.root + path, form, timeout=PATIENCE, allow_redirects=False)
