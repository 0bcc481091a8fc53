"""What is open and what is shut, how one logs in, and what a foreign page may not do."""

from __future__ import annotations

from twisted.web.http import NOT_ALLOWED

from tests.daemon.admin.support import TOKEN, AdminCase

PAGES = ("", "routes", "schedules", "sessions", "log", "config", "metrics")


class RootTests(AdminCase):
    config = """
    schedule:
      job: {function: str("done"), every: 1 day}
    """

    async def test_health_is_for_everybody_and_says_nothing_else(self) -> None:
        for path, text in (("/live", "live\n"), ("/ready", "ready\n")):
            response = await self.ask(path, token=None)
            self.assertEqual((response.status, response.text), (200, text))
            self.assertEqual(response.headers["cache-control"], "no-store")

    async def test_before_there_is_an_app_it_is_live_and_not_ready(self) -> None:
        self.daemon.started = False
        found = [(await self.ask(path)).text for path in ("/live", "/ready", "/metrics", "/admin/")]
        starting = "503 Service Unavailable: the server is starting\n"
        self.assertEqual(found, ["live\n", "starting\n", starting, starting])
        self.daemon.started = True

    async def test_everything_else_needs_the_token(self) -> None:
        for path in ("/metrics", "/nothing", "/admin/nothing", *(f"/admin/{page}" for page in PAGES)):
            response = await self.ask(path, token=None)
            self.assertEqual(
                (response.status, response.headers["www-authenticate"]), (401, 'Bearer realm="admin"'), path
            )
            self.assertNotIn(TOKEN, response.text)
        for path in ("/admin/schedules/run", "/admin/sessions/end", "/admin/logout"):
            self.assertEqual((await self.ask(path, "POST", token=None, data={"name": "schedule.job"})).status, 401)
        for path in ("/metrics", *(f"/admin/{page}" for page in PAGES)):
            self.assertEqual((await self.ask(path)).status, 200, path)
        self.assertIsNone(self.daemon.app.shared.endpoints.get("none"))

    async def test_a_wrong_token_is_refused(self) -> None:
        for token in (TOKEN[:-1], f"{TOKEN} "[::-1]):
            response = await self.ask("/metrics", token=token)
            self.assertEqual((response.status, response.text), (401, "401 Unauthorized: the token is wrong\n"))

    async def test_a_browser_is_led_to_the_form_and_back(self) -> None:
        asked = await self.ask("/admin/log?level=errors", token=None, html=True)
        form = "/admin/login?next=%2Fadmin%2Flog%3Flevel%3Derrors"
        self.assertEqual((asked.status, asked.headers["location"]), (303, form))
        page = await self.ask(form, token=None, html=True)
        self.assertIn('name="next" value="/admin/log?level=errors"', page.text)
        sent = {"token": TOKEN, "next": "/admin/log?level=errors"}
        done = await self.ask("/admin/login", "POST", token=None, html=True, data=sent)
        self.assertEqual((done.status, done.headers["location"]), (303, "/admin/log?level=errors"))

    async def test_nobody_is_led_elsewhere(self) -> None:
        for wrong in (
            "https://evil.example",
            "//evil.example",
            "/admin//evil.example",
            "/admin/\\evil",
            "/admin/\r\nX: y",
            "/live",
            "",
        ):
            sent = {"token": TOKEN, "next": wrong}
            done = await self.ask("/admin/login", "POST", token=None, html=True, data=sent)
            self.assertEqual(done.headers["location"], "/admin/", wrong)

    async def test_the_cookie_is_not_the_token_and_scripts_and_other_sites_do_not_have_it(self) -> None:
        browser = await self.log_in()
        name, _, attributes = browser.set_cookie.partition("=")
        self.assertEqual(name, f"gramex-admin-{self.admin.rpartition(':')[2]}")
        self.assertNotIn(TOKEN, browser.set_cookie)
        flags = {part.strip().lower() for part in attributes.split(";")[1:]}
        self.assertEqual(flags, {"path=/admin/", "max-age=43200", "httponly", "samesite=strict"})
        self.assertEqual((await browser.get("/admin/")).status, 200)

    async def test_a_wrong_token_in_the_form_shows_it_again(self) -> None:
        page = await self.ask("/admin/login", "POST", token=None, html=True, data={"token": "wrong<script>"})
        self.assertEqual(page.status, 403)
        self.assertIn("This is not the token.", page.text)
        self.assertNotIn("wrong<", page.text)
        self.assertNotIn("set-cookie", page.headers)

    async def test_logging_out_ends_it(self) -> None:
        browser = await self.log_in()
        sent = {"_xsrf": await browser.xsrf()}
        done = await browser.post("/admin/logout", sent)
        self.assertEqual((done.status, done.headers["location"]), (303, "/admin/login"))
        self.assertIn("Max-Age=0", done.headers["set-cookie"])
        self.assertEqual((await browser.get("/admin/")).status, 303)

    async def test_a_form_of_another_site_does_nothing(self) -> None:
        browser = await self.log_in()
        token, path = await browser.xsrf(), "/admin/schedules/run"
        right = {"name": "schedule.job", "_xsrf": token}
        refused = (
            await browser.post(path, {"name": "schedule.job"}),
            await browser.post(path, {**right, "_xsrf": "x" * len(token)}),
            await browser.post(path, right, Sec_Fetch_Site="cross-site"),
            await browser.post(path, right, Sec_Fetch_Site="same-site"),
            await browser.post(path, right, Origin="http://evil.example"),
            await browser.post(path, right, Origin="null"),
        )
        self.assertEqual([response.status for response in refused], [403] * 6)
        tasks = (await self.ask("/admin/schedules")).json()["schedules"]
        self.assertIsNone(tasks[0]["last"])
        done = await browser.post(path, right, Sec_Fetch_Site="same-origin", Origin=self.admin)
        self.assertEqual(done.status, 303)
        login = {"token": TOKEN}
        foreign = await self.ask(
            "/admin/login", "POST", token=None, data=login, headers={"Origin": "http://evil.example"}
        )
        self.assertEqual(foreign.status, 403)

    async def test_headers_of_every_answer(self) -> None:
        for path in ("/live", "/admin/", "/admin/login", "/nothing", "/admin/static/style.css"):
            headers = (await self.ask(path, html=True)).headers
            self.assertEqual(
                headers["content-security-policy"],
                "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
                "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
            )
            self.assertEqual(
                (headers["x-content-type-options"], headers["referrer-policy"]), ("nosniff", "same-origin")
            )
            self.assertEqual(headers["cross-origin-opener-policy"], "same-origin")

    async def test_what_there_is_not(self) -> None:
        self.assertEqual((await self.ask("/admin/nothing")).text, "404 Not Found\n")
        self.assertEqual((await self.ask("/admin/static/..%2Fpages.py")).status, 404)
        self.assertEqual((await self.ask("/admin/schedules/run")).status, NOT_ALLOWED)
        self.assertEqual((await self.ask("/%ff")).status, 404)

    async def test_a_long_body_is_refused(self) -> None:
        response = await self.ask("/admin/login", "POST", token=None, data=b"x" * 20_000)
        self.assertEqual(response.status, 413)
