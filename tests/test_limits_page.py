"""What docs/limits-and-keys.md shows works as it says."""

from __future__ import annotations

from typing import Any, ClassVar

import yaml
from treq.client import HTTPClient

from gramex_twisted.services.signing import Signer
from gramex_twisted.testing import AppTestCase
from tests.test_docs import ROOT, snippets

PAGE = list(snippets(ROOT / "docs" / "limits-and-keys.md"))


class PageTests(AppTestCase):
    files: ClassVar[dict[str, str | bytes]] = {snippet.name: snippet.text for snippet in PAGE if snippet.name}
    now = 1_800_000_000.0  # 2027-01-15 08:00:00

    def setUp(self) -> None:
        routes: dict[str, Any] = {}
        for snippet in PAGE:
            if snippet.language == "yaml":
                routes |= yaml.safe_load(snippet.text).get("url", {})
        config = {"app": {"settings": {"cookie_secret": "s"}, "session": {"type": "memory"}}, "url": routes}
        type(self).config = yaml.safe_dump(config)
        super().setUp()
        self.app.gramex.shared.ratelimits.store.clock = lambda: self.now

    def sign_in(self, user: str) -> None:
        self.app.client = HTTPClient(self.app.agent)
        self.get("/again", headers={"X-Gramex-User": [Signer("s", self.folder).sign("user", user)]})

    def test_reports_are_limited_and_released(self) -> None:
        self.sign_in('{"id": "ann"}')
        texts = [self.get("/report").text for _ in range(20)]
        self.assertEqual(texts[0], "a report; 19 more this hour or day")
        self.assertEqual(texts[-1], "a report; 0 more this hour or day")
        response = self.get("/report")
        self.assertEqual((response.status, response.headers["retry-after"]), (429, "3600"))
        self.sign_in('{"id": "root", "role": "admin"}')
        self.assertEqual(self.get("/again?hour=2027-01-15 08&user=ann").text, "true")
        self.sign_in('{"id": "ann"}')
        self.assertEqual(self.get("/report").status, 200)

    def test_an_invitation_is_good_for_one(self) -> None:
        self.sign_in('{"id": "root", "role": "admin"}')
        otp = self.get("/invite").text
        for status in (200, 400):
            self.app.client = HTTPClient(self.app.agent)
            self.assertEqual(self.get(f"/data?gramex-otp={otp}").status, status)

    def test_an_api_key_is_its_users(self) -> None:
        self.sign_in('{"id": "ann"}')
        made = self.get("/token").json()
        self.assertIs(made["valid"], True)
        self.app.client = HTTPClient(self.app.agent)
        self.assertEqual(self.get("/data", headers={"X-Gramex-Key": [made["key"]]}).text, "ann")
        self.assertEqual(self.get("/data").status, 302)
