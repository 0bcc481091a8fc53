"""Sessions: who is signed in, and that an ended session is one."""

from __future__ import annotations

from typing import Any

from gramex_twisted.daemon.admin.visitors import LOOKED_AT, SHOWN, digest
from tests.daemon.admin.support import AdminCase

CONFIG = """
url:
  login:
    pattern: /login/
    handler: SimpleAuth
    kwargs: {credentials: {ada: lovelace, eve: "<i>"}, session_inactive: 1}
  staff:
    pattern: /staff/
    handler: SimpleAuth
    kwargs: {credentials: {grace: hopper}, user_key: staff}
  me: {pattern: /me, handler: FunctionHandler, kwargs: {function: 'str(handler.current_user["id"])', auth: true}}
  note:
    pattern: /note
    handler: FunctionHandler
    kwargs: {function: 'str(handler.session.setdefault("cart", {"id": 1}))'}
"""


class VisitorCase(AdminCase):
    config = CONFIG

    async def sign_in(self, user: str = "ada", password: str = "lovelace", path: str = "/login/") -> str:
        """The cookie of somebody who has signed in."""
        headers = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
        sent = {"user": user, "password": password}
        done = await self.ask(f"{self.url}{path}", "POST", token=None, headers=headers, data=sent)
        self.assertEqual(done.status, 302)
        return done.headers["set-cookie"].partition(";")[0]

    async def who(self, cookie: str) -> tuple[int, str]:
        """What /me says to the owner of a cookie."""
        response = await self.ask(f"{self.url}/me", token=None, headers={"Cookie": cookie})
        return response.status, response.text if response.status == 200 else ""

    async def sessions(self, search: str = "") -> dict[str, Any]:
        found: dict[str, Any] = (await self.ask(f"/admin/sessions?user={search}")).json()
        return found


class VisitorTests(VisitorCase):
    async def test_who_is_signed_in_without_the_ids_of_sessions(self) -> None:
        await self.sign_in()
        await self.sign_in("grace", "hopper", "/staff/")
        await self.ask(f"{self.url}/note", token=None)
        found = await self.sessions()
        self.assertEqual(
            {(session["user"], session["key"], tuple(session["keys"])) for session in found["sessions"]},
            {("ada", "user", ()), ("grace", "staff", ()), (None, None, ("cart",))},
        )
        ada = next(session for session in found["sessions"] if session["user"] == "ada")
        self.assertTrue(ada["expires"] > ada["seen"] > 1e9)
        page = await self.page("/admin/sessions")
        for sid in await self.daemon.app.shared.sessions.store.keys():
            self.assertNotIn(sid, page)
            self.assertNotIn(sid, str(found))
            if ":" not in sid:
                self.assertIn(f"<code>{digest(sid)[:8]}</code>", page)
        self.assertEqual((await self.samples())["gramex_sessions"], 3)

    async def test_an_ended_session_is_signed_out_and_no_other(self) -> None:
        one, other = await self.sign_in(), await self.sign_in("eve", "<i>")
        self.assertEqual((await self.who(one), await self.who(other)), ((200, "ada"), (200, "eve")))
        browser = await self.log_in()
        session = next(found for found in (await self.sessions())["sessions"] if found["user"] == "ada")
        done = await browser.post("/admin/sessions/end", {"id": session["id"], "_xsrf": await browser.xsrf()})
        self.assertEqual(done.status, 303)
        self.assertIn("The session has ended.", (await browser.get(done.headers["location"])).text)
        self.assertNotEqual((await self.who(one))[0], 200)
        self.assertEqual(await self.who(other), (200, "eve"))
        self.assertEqual([found["user"] for found in (await self.sessions())["sessions"] if found["user"]], ["eve"])
        again = await self.ask("/admin/sessions/end", "POST", data={"id": session["id"]})
        self.assertEqual((again.status, again.json()["notice"]), (404, "There is no such session any more."))

    async def test_they_are_found_by_user(self) -> None:
        for user, password in (("ada", "lovelace"), ("eve", "<i>"), ("ada", "lovelace")):
            await self.sign_in(user, password)
        found = await self.sessions("AD")
        self.assertEqual([session["user"] for session in found["sessions"]], ["ada", "ada"])
        self.assertEqual((found["matching"], found["more"]), (2, False))
        self.assertIn("Nobody with “&lt;x&gt;” in the name", await self.page("/admin/sessions?user=%3Cx%3E"))

    async def test_the_page_is_bounded_and_what_is_not_a_session_is_left_out(self) -> None:
        store = self.daemon.app.shared.sessions.store
        for number in range(LOOKED_AT + 5):
            await store.put(f"s{number}", b'{"user":{"id":"u%d"}}' % number)
        for key, value in (("text", b"no JSON"), ("list", b"[1]"), ("auth:x", b'{"user":{"id":"record"}}')):
            await store.put(key, value)
        found = await self.sessions()
        self.assertEqual((len(found["sessions"]), found["looked_at"], found["more"]), (SHOWN, LOOKED_AT, True))
        self.assertEqual(found["matching"], LOOKED_AT - 2)
        self.assertEqual(found["sessions"][0]["user"], f"u{LOOKED_AT + 4}")
        page = await self.page("/admin/sessions")
        self.assertIn(f"{SHOWN} of {LOOKED_AT - 2}; only the newest 1,000 were looked at", page)


class SqliteVisitorTests(VisitorCase):
    app = "session: {type: sqlite}"

    async def test_looking_makes_no_database_and_signing_out_works(self) -> None:
        self.assertEqual((await self.sessions())["sessions"], [])
        self.assertEqual((await self.samples())["gramex_sessions"], 0)
        self.assertFalse((self.folder / "data" / "session.db").exists())
        cookie = await self.sign_in()
        self.assertEqual(await self.who(cookie), (200, "ada"))
        [session] = (await self.sessions())["sessions"]
        self.assertTrue((await self.ask("/admin/sessions/end", "POST", data={"id": session["id"]})).json()["done"])
        self.assertNotEqual((await self.who(cookie))[0], 200)


class BrokenStoreTests(VisitorCase):
    app = "session: {type: json}"

    async def test_a_store_that_cannot_be_read_spoils_nothing_else(self) -> None:
        path = self.folder / "data" / "session.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text("half of a fi")
        response = await self.ask("/admin/sessions")
        self.assertEqual(response.status, 503)
        self.assertIn("session.json", response.text)
        self.assertNotIn("gramex_sessions", await self.samples())
        self.assertEqual((await self.ask("/admin/")).status, 200)
