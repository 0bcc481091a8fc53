"""Native Twisted resources and Klein apps: their sessions and cookies."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from gramex_twisted.services.stores.base import StoreError
from gramex_twisted.testing import AppTestCase

MODULE = """
from klein import Klein
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from gramex_twisted.web.context import IContext

gates = []


class Sets(Resource):
    isLeaf = True

    def render_GET(self, request):
        context = IContext(request)
        context.session["seen"] = context.session.get("seen", 0) + 1
        context.set_cookie("flavour", "oat")
        return b"set %d" % context.session["seen"]

    def render_POST(self, request):
        request.write(b"begun ")
        IContext(request).session["late"] = True
        request.write(b"ended")
        request.finish()
        return NOT_DONE_YET


class Late(Resource):
    isLeaf = True

    def render_GET(self, request):
        request.write(b"begun ")
        gates.append(request)
        return NOT_DONE_YET


class Fails(Resource):
    isLeaf = True

    def render_GET(self, request):
        request.setHeader(b"Content-Type", b"image/png")
        request.addCookie(b"flavour", b"oat")
        raise ValueError("native trouble")


klein = Klein()


@klein.route("/")
def index(request):
    IContext(request).session["klein"] = "yes"
    return "klein"
"""


class SessionTests(AppTestCase):
    files = {"native.py": MODULE}
    config = """
    app: {session: {type: memory}}
    url:
      sets: {pattern: /sets, handler: native.Sets}
      late: {pattern: /late, handler: native.Late}
      fails: {pattern: /fails, handler: native.Fails}
      klein: {pattern: '/klein(/.*)', handler: native.klein}
      show: {pattern: /show, handler: FunctionHandler, kwargs: {function: dict(handler.session)}}
    """

    def session(self) -> dict[str, object]:
        shown: dict[str, object] = self.get("/show").json()
        return {key: value for key, value in shown.items() if not key.startswith("_")}

    def test_a_session_that_begins_in_a_resource_has_its_cookie(self) -> None:
        first = self.get("/sets")
        self.assertEqual((first.text, len(first.all("set-cookie"))), ("set 1", 2))
        self.assertTrue(any(cookie.startswith("flavour=oat") for cookie in first.all("set-cookie")))
        self.assertEqual(self.get("/sets").text, "set 2")
        self.assertEqual(self.session()["seen"], 2)

    def test_in_klein_too(self) -> None:
        self.get("/klein/")
        self.assertEqual(self.session()["klein"], "yes")

    def test_what_changes_after_the_first_byte_is_stored_too(self) -> None:
        self.get("/sets")
        self.assertEqual(self.post("/sets").text, "begun ended")
        self.assertEqual(self.session()["late"], True)

    def test_nothing_is_sent_before_the_session_is_stored(self) -> None:
        sessions = self.app.gramex.shared.sessions
        gate: Deferred[None] = Deferred()

        async def slowly(*_: object) -> None:
            await gate

        self.patch(sessions.store, "put", slowly)
        answer = self.app.start("GET", "/sets")
        self.app.pump()
        self.assertNoResult(answer)
        gate.callback(None)
        self.app.pump()
        self.assertEqual(self.successResultOf(answer).text, "set 1")

    def test_a_store_that_is_gone_is_503_and_none_of_the_answer(self) -> None:
        async def fails(*_: object) -> None:
            raise StoreError("the disk is full")

        self.patch(self.app.gramex.shared.sessions.store, "put", fails)
        response = self.get("/sets")
        self.assertEqual(response.status, 503)
        self.assertNotIn("set 1", response.text)

    def test_an_error_page_has_each_header_once(self) -> None:
        response = self.get("/fails")
        self.assertEqual((response.status, response.headers["content-type"]), (500, "application/json; charset=UTF-8"))
        self.assertEqual(response.all("set-cookie"), [])
        for name in ("server", "date", "x-content-type-options", "content-type"):
            self.assertEqual(len(response.all(name)), 1, name)
        self.forget_errors(ValueError)

    def test_a_client_that_leaves_is_no_error(self) -> None:
        answer = self.app.start("GET", "/late")
        self.app.pump()
        import native  # type: ignore[import-not-found]

        [request] = native.gates
        request.channel.transport.abortConnection()
        self.app.pump()
        self.assertEqual(self.app.gramex.in_flight, 0)
        answer.addErrback(lambda _: None)
