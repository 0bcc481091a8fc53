"""LDAPAuth against a real slapd, over real sockets."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import Factory, Protocol

from gramex_twisted.resources.auth.ldapfilter import tlv
from gramex_twisted.testing import AppTestCase, Response
from tests.live import LiveCase, reactor
from tests.resources.auth.browser import Surfer
from tests.resources.auth.slapd import READER, Slapd
from tests.servers import free_port

ALPHA = "uid=alpha,ou=people,dc=example,dc=org"
BETA = "uid=beta,ou=people,dc=example,dc=org"
COMMON = """
  user: {pattern: /user, handler: FunctionHandler, kwargs: {function: handler.current_user}}
"""
WRONG = "Wrong user name or password."


def direct(**kwargs: Any) -> str:
    """A route where people bind themselves."""
    return route(user="uid={user},ou=people,dc=example,dc=org", **kwargs)


def found(**kwargs: Any) -> str:
    """A route where a reader finds people by their address."""
    search = {"base": "dc=example,dc=org", "filter": "(mail={user})", **kwargs.pop("search", {})}
    return route(bind={"user": READER, "password": "readerpass"}, search=search, **kwargs)


def route(pattern: str = "/login", **kwargs: Any) -> str:
    """A route, in YAML; PORT and TLS are slapd's ports."""
    kwargs = {"host": "127.0.0.1", "port": "PORT", "delay": [0], **kwargs}
    conf = {"pattern": pattern, "handler": "LDAPAuth", "kwargs": kwargs}
    text = json.dumps(conf).replace('"PORT"', "PORT").replace('"TLS"', "TLS")
    return f"  {pattern.strip('/')}: {text}\n"


class LDAPCase(LiveCase):
    """``routes`` is the app's ``url:``."""

    routes: ClassVar[str] = ""

    def setUp(self) -> None:
        self.slapd = Slapd.of(self)
        routes = self.routes.replace("PORT", str(self.slapd.port)).replace("TLS", str(self.slapd.tls_port))
        routes = routes.replace("CERTIFICATE", str(self.slapd.certificate))
        self.config = f"app: {{session: {{type: memory}}}}\nurl:\n{routes}{COMMON}"  # type: ignore[misc]
        super().setUp()
        self.assertEqual(self.gramex.errors, [])

    def browser(self) -> Surfer:
        """A browser without cookies."""
        return Surfer(reactor, f"http://127.0.0.1:{self.port.getHost().port}")

    async def enter(self, user: str, password: str, path: str = "/login") -> tuple[Surfer, Response]:
        """A browser in which somebody has tried to sign in, and the answer."""
        surfer = self.browser()
        await surfer.get(path)
        return surfer, await surfer.post(path, user=user, password=password)

    async def signed_in(self, user: str, password: str, path: str = "/login") -> Any:
        """Who somebody is, once they have signed in."""
        surfer, response = await self.enter(user, password, path)
        self.assertEqual((response.status, response.headers.get("location")), (302, "/"), response.text)
        return (await surfer.get("/user")).json()

    async def refused(
        self, user: str, password: str, path: str = "/login", status: int = 401, text: str = WRONG
    ) -> None:
        """Somebody does not get in, and sees why."""
        surfer, response = await self.enter(user, password, path)
        self.assertEqual(response.status, status, (user, password, response.text))
        self.assertIn(text, response.text)
        self.assertIn('type="password"', response.text)
        self.assertEqual((await surfer.get("/user")).text, "")


class DirectTests(LDAPCase):
    routes = (
        direct()
        + direct(pattern="/more", search={"base": "ou=people,dc=example,dc=org", "filter": "(uid={user})"})
        + direct(pattern="/only", search={"base": "dc=example,dc=org", "filter": "(&(uid={user})(employeeNumber=8))"})
        + route(pattern="/dn", user="{user}")
    )

    async def test_somebody_signs_in_with_name_and_password(self) -> None:
        self.assertEqual(await self.signed_in("alpha", "alphapass"), {"id": ALPHA, "user": ALPHA})

    async def test_one_person_is_one_user_however_the_name_is_spelt(self) -> None:
        for name in ("ALPHA", "  Alpha "):
            self.assertEqual((await self.signed_in(name, "alphapass"))["id"], ALPHA)

    async def test_a_template_need_not_be_a_distinguished_name(self) -> None:
        self.assertEqual(await self.signed_in(BETA, "betapass", "/dn"), {"id": BETA, "user": BETA})

    async def test_wrong_passwords_and_unknown_users_are_refused_alike(self) -> None:
        for user, password in (
            ("alpha", "betapass"),
            ("alpha", "ALPHAPASS"),
            ("nobody", "x"),
            ("alpha,x", "alphapass"),
        ):
            await self.refused(user, password)

    async def test_no_password_is_never_right_though_the_directory_says_so(self) -> None:
        for path in ("/login", "/more", "/dn"):
            for user, password in (
                ("alpha", ""),
                ("", "alphapass"),
                ("", ""),
                (ALPHA, ""),
                ("nobody", ""),
                ("alpha", "\0"),
            ):
                await self.refused(user, password, path)

    async def test_names_that_say_more_than_a_name_are_names(self) -> None:
        for user in (
            "*", "alpha)(uid=*", "alpha,ou=people,dc=example,dc=org", "alpha+uid=beta", "a\\6cpha", '"alpha"',
            "#616c706861", "x" * 5000, "é", "cn=reader,dc=example,dc=org",
        ):  # fmt: skip
            await self.refused(user, "alphapass")
            await self.refused(user, "alphapass", "/more")

    async def test_somebody_with_an_odd_name_signs_in(self) -> None:
        user = await self.signed_in("o,dd *(x)\\", "oddpass")
        self.assertEqual(user["id"], "uid=o\\2Cdd *(x)\\5C,ou=people,dc=example,dc=org")
        self.assertEqual((await self.signed_in("o,dd *(x)\\", "oddpass", "/more"))["attributes"]["cn"], ["Odd"])

    async def test_search_gives_attributes_and_no_secrets(self) -> None:
        user = await self.signed_in("alpha", "alphapass", "/more")
        attributes = user.pop("attributes")
        self.assertEqual(user, {"id": ALPHA, "user": ALPHA, "dn": ALPHA})
        self.assertEqual(
            attributes,
            {
                "objectClass": ["inetOrgPerson"],
                "uid": ["alpha"],
                "cn": ["Alpha One"],
                "sn": ["One"],
                "mail": ["alpha@example.org", "first@example.org"],
                "employeeNumber": ["7"],
            },
        )

    async def test_who_is_not_found_is_refused(self) -> None:
        self.assertEqual((await self.signed_in("beta", "betapass", "/only"))["id"], BETA)
        await self.refused("alpha", "alphapass", "/only")


class FoundTests(LDAPCase):
    routes = (
        found()
        + found(pattern="/named", search={"user": "EXAMPLE\\{UID}", "attributes": ["cn", "mail", "employeenumber"]})
        + found(pattern="/lacking", search={"user": "{telephoneNumber}"})
        + found(pattern="/or", search={"filter": "(|(uid={user})(employeeNumber={user}))"})
        + route(
            pattern="/reader",
            bind={"user": READER, "password": "changed"},
            search={"base": "dc=example,dc=org", "filter": "(uid={user})"},
        )
        + found(pattern="/base", search={"base": "dc=nowhere"})
    )

    async def test_somebody_is_found_by_an_attribute(self) -> None:
        user = await self.signed_in("first@example.org", "alphapass")
        self.assertEqual((user["id"], user["dn"], user["attributes"]["uid"]), (ALPHA, ALPHA, ["alpha"]))

    async def test_attributes_that_are_named_are_the_users_own(self) -> None:
        user = await self.signed_in("alpha@example.org", "alphapass", "/named")
        self.assertEqual(
            {key: user[key] for key in ("id", "user", "cn", "mail", "employeenumber")},
            {
                "id": "EXAMPLE\\alpha",
                "user": "EXAMPLE\\alpha",
                "cn": "Alpha One",
                "mail": ["alpha@example.org", "first@example.org"],
                "employeenumber": "7",
            },
        )
        self.assertEqual(set(user["attributes"]), {"cn", "mail", "employeeNumber", "uid"})

    async def test_any_of_several_attributes(self) -> None:
        self.assertEqual((await self.signed_in("8", "betapass", "/or"))["attributes"]["cn"], ["Béta"])
        self.assertEqual((await self.signed_in("beta", "betapass", "/or"))["id"], BETA)

    async def test_whom_two_entries_could_be_is_refused(self) -> None:
        await self.refused("beta@example.org", "betapass")
        await self.refused("beta@example.org", "twinpass")

    async def test_filters_cannot_be_typed(self) -> None:
        for user in (
            "*", "alpha*", "alpha@example.org)(uid=alpha", "*)(|(uid=*", "\\2a", "a)(&",
            "nobody)(|(mail=alpha@example.org",
        ):  # fmt: skip
            await self.refused(user, "alphapass")
            await self.refused(user, "alphapass", "/or")
            await self.refused(user, "readerpass")

    async def test_no_password_is_never_right(self) -> None:
        await self.refused("alpha@example.org", "")
        await self.refused("alpha@example.org", "readerpass")

    async def test_what_is_set_up_wrongly_is_no_fault_of_the_user(self) -> None:
        for path in ("/lacking", "/reader", "/base"):
            await self.refused("alpha@example.org", "alphapass", path, 502, "cannot be reached now")

    async def test_two_who_sign_in_at_once_do_not_meet(self) -> None:
        one, two, three = await gatherResults(
            Deferred.fromCoroutine(self.enter(user, password, "/or"))
            for user, password in (("alpha", "alphapass"), ("beta", "betapass"), ("beta", "alphapass"))
        )
        self.assertEqual((await one[0].get("/user")).json()["id"], ALPHA)
        self.assertEqual((await two[0].get("/user")).json()["id"], BETA)
        self.assertEqual((three[1].status, (await three[0].get("/user")).text), (401, ""))


class TlsTests(LDAPCase):
    routes = (
        direct(host="localhost", port="TLS", use_ssl=True, ca_file="CERTIFICATE")
        + direct(pattern="/start", host="localhost", start_tls=True, ca_file="CERTIFICATE")
        + direct(pattern="/name", host="127.0.0.1", port="TLS", use_ssl=True, ca_file="CERTIFICATE")
        + direct(pattern="/name2", host="127.0.0.1", start_tls=True, ca_file="CERTIFICATE")
        + direct(pattern="/system", host="localhost", port="TLS", use_ssl=True)
        + direct(pattern="/system2", host="localhost", start_tls=True)
        + direct(pattern="/plain", host="localhost", use_ssl=True, ca_file="CERTIFICATE")
    )

    async def test_by_tls_and_by_start_tls(self) -> None:
        for path in ("/login", "/start"):
            self.assertEqual((await self.signed_in("alpha", "alphapass", path))["id"], ALPHA)
            await self.refused("alpha", "x", path)

    async def test_a_directory_that_is_not_the_one_is_told_nothing(self) -> None:
        """Neither one with another name, nor one that nobody vouches for, nor one that speaks no TLS."""
        for path in ("/name", "/name2", "/system", "/system2", "/plain"):
            await self.refused("alpha", "alphapass", path, 502, "cannot be reached now")


class Server(Protocol):
    """Answers whatever comes with its factory's ``answer``, or with a message of the same number that has ``content``;
    ``heard`` is what came."""

    factory: Any

    def dataReceived(self, data: bytes) -> None:
        self.factory.heard.append(data)
        answer = self.factory.answer
        if self.factory.content is not None:
            size = data[3]
            answer = tlv(0x30, tlv(0x02, data[4 : 4 + size]) + self.factory.content)
        if answer is not None:
            self.transport.write(answer)  # type: ignore[union-attr]


class FaultTests(LiveCase):
    """Servers that are no directories, slow ones, and none."""

    def setUp(self) -> None:
        self.factory: Any = Factory.forProtocol(Server)
        self.factory.heard, self.factory.answer, self.factory.content = [], None, None
        self.server = reactor.listenTCP(0, self.factory, interface="127.0.0.1")
        self.addCleanup(self.server.stopListening)
        port = self.server.getHost().port
        self.config = "url:\n" + "".join(  # type: ignore[misc]
            (
                direct(port=port, timeout=0.3),
                direct(pattern="/start", port=port, timeout=0.3, start_tls=True),
                direct(pattern="/tls", port=port, timeout=0.3, use_ssl=True),
                direct(pattern="/gone", port=free_port(), timeout=5),
                direct(pattern="/unknown", host="directory.invalid", port=389, timeout=5),
            )
        )
        super().setUp()

    async def told(self, path: str) -> tuple[int, bool, bool]:
        """Status, and whether the page says that the directory is unreachable, or slow."""
        surfer = Surfer(reactor, f"http://127.0.0.1:{self.port.getHost().port}")
        await surfer.get(path)
        response = await surfer.post(path, user="alpha", password="alphapass")
        self.assertIn('value="alpha"', response.text)  # which need not be typed again
        return response.status, "cannot be reached" in response.text, "too long" in response.text

    async def test_nobody_there(self) -> None:
        for path in ("/gone", "/unknown"):
            self.assertEqual(await self.told(path), (502, True, False))

    async def test_one_that_never_answers(self) -> None:
        for path in ("/login", "/start", "/tls"):
            self.assertEqual(await self.told(path), (504, False, True))

    async def test_one_that_answers_bit_by_bit(self) -> None:
        self.factory.answer = b"\x30\x84\x00\x00\xff\xff"
        self.assertEqual(await self.told("/login"), (504, False, True))

    async def test_one_that_is_no_directory(self) -> None:
        for answer, status in (
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", 502),
            (b"\0" * 50, 502),
            (b"\x30\x03\x02\x01\x00", 502),
            (tlv(0x30, tlv(0x02, b"\x7f\xff\xff\xff") + tlv(0x61, SUCCESS)), 502),  # of another conversation
            (b"\x30\x84\x7f\xff\xff\xff" + b"x" * (2 << 20), 502),
        ):
            self.factory.answer = answer
            self.assertEqual((await self.told("/login"))[0], status, answer[:50])

    async def test_an_answer_of_the_wrong_kind_does_not_sign_in(self) -> None:
        """What ends a search, an entry, the answer to an extended request: each says 0, which is success."""
        for tag in (0x65, 0x64, 0x78):
            self.factory.content = tlv(tag, SUCCESS)
            self.assertEqual((await self.told("/login"))[0], 502)
            self.assertEqual((await self.told("/start"))[0], 502)

    async def test_without_tls_no_password_is_sent(self) -> None:
        for answer in (b"\x0a\x01\x02\x04\x00\x04\x00", SUCCESS):  # protocolError; and success, but then no TLS
            self.factory.content = tlv(0x78, answer)
            self.assertEqual((await self.told("/start"))[0], 502)
        heard = b"".join(self.factory.heard)
        self.assertIn(b"1.3.6.1.4.1.1466.20037", heard)
        self.assertNotIn(b"alphapass", heard)


SUCCESS = b"\x0a\x01\x00\x04\x00\x04\x00"


class MistakeTests(AppTestCase):
    def config_of(self, *routes: str) -> list[str]:
        """The mistakes in an app."""
        app = self.make_app("url:\n" + "".join(routes))
        return [str(error).partition(": url.")[2] for error in app.gramex.errors]

    def test_mistakes_are_named(self) -> None:
        found_by = {"base": "dc=x", "filter": "(uid={user})"}
        (self.folder / "empty.pem").write_text("")
        self.assertEqual(
            self.config_of(
                route("/a", port=389),
                route("/b", port=389, bind={"user": "cn=x", "password": "y"}),
                direct(pattern="/c", port=389, search={**found_by, "filter": "(uid={user}"}),
                direct(pattern="/d", port=389, use_ssl=True, start_tls=True),
                direct(pattern="/e", port=389, use_ssl=True, ca_file="none.pem"),
                direct(pattern="/f", port=389, use_ssl=True, ca_file="empty.pem"),
                direct(pattern="/g", port=389, password="secret"),
                route("/h", port=389, bind={"user": "cn=x", "password": "y"}, search={**found_by, "filter": "(uid=x)"}),
            ),
            [
                "a.kwargs.user: needs a template such as uid={user},dc=example,dc=org, or else bind and search",
                "b.kwargs.user: bind needs search: {base, filter}, to find people by",
                "c.kwargs.search: '(uid={user}' is not a filter: character 12 should be ')'",
                "d.kwargs.start_tls: is for plain ports: use either this or use_ssl",
                "e.kwargs.ca_file: cannot read none.pem: No such file or directory",
                "f.kwargs.ca_file: cannot use empty.pem: it has no certificate in PEM",
                "g.kwargs.user: password: needs one field, as in '{password}'",
                "h.kwargs.search: filter: needs a field, as in (mail={user})",
            ],
        )
