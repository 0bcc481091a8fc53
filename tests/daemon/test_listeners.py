"""What app.listen means, and ports that open together or not at all."""

from __future__ import annotations

import os
import socket
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.daemon.listeners import Listener, listeners_of, parse_endpoint
from gramex_twisted.daemon.sockets import Endpoint, ListenError, Systemd, Tcp, Unix
from gramex_twisted.daemon.tls import Certificate
from tests.greeting import ListenerTestCase


def options(**given: Any) -> Any:
    return SimpleNamespace(**{"port": 9988, "address": "", "endpoint": (), "backlog": 128, "tls": None, **given})


class ParsingTests(SynchronousTestCase):
    def test_port_and_address_make_one_tcp_listener(self) -> None:
        self.assertEqual(listeners_of(options(port=80, address="::1")), [Listener(Tcp(80, "::1"))])

    def test_a_certificate_makes_the_port_speak_https(self) -> None:
        listeners = listeners_of(options(tls=("a.crt", "a.key")))
        self.assertEqual(listeners, [Listener(Tcp(9988), Certificate("a.crt", "a.key"))])
        self.assertEqual(listeners[0].scheme, "https")

    def test_endpoints_replace_the_port_and_only_systemd_takes_the_certificate(self) -> None:
        listeners = listeners_of(options(endpoint=("tcp:80", "systemd:domain=INET:index=0"), tls=("c", "k")))
        self.assertEqual(listeners, [Listener(Tcp(80)), Listener(Systemd(0), Certificate("c", "k"))])

    def test_endpoint_strings(self) -> None:
        for text, place in {
            "tcp:80": Tcp(80),
            "tcp:port=80:interface=127.0.0.1": Tcp(80, "127.0.0.1"),
            "tcp6:80": Tcp(80, "::"),
            r"tcp:80:interface=\:\:1": Tcp(80, "::1"),
            "unix:/run/a.sock": Unix("/run/a.sock"),
            r"unix:/run/a\:b.sock:mode=660": Unix("/run/a:b.sock", 0o660),
            "systemd:domain=UNIX:name=web": Systemd(None, "web"),
            "onion:80": Endpoint("onion:80"),
            "tcp:80:flavour=mint": Endpoint("tcp:80:flavour=mint"),
        }.items():
            self.assertEqual(parse_endpoint(text), Listener(place), text)

    def test_the_mode_of_a_unix_endpoint_is_octal(self) -> None:
        place = parse_endpoint("unix:/run/a.sock:mode=660").place
        assert isinstance(place, Unix)
        self.assertEqual(place.mode, 0o660)

    def test_ssl_endpoints_become_tls_that_can_be_reloaded(self) -> None:
        listener = parse_endpoint("ssl:443:privateKey=k.pem:certKey=c.pem:extraCertChain=chain.pem")
        self.assertEqual(listener, Listener(Tcp(443), Certificate("c.pem", "k.pem", "chain.pem")))

    def test_nonsense_names_the_endpoint(self) -> None:
        for text in ("tcp:http", "tcp:", "systemd:domain=INET", "unix:", "systemd:domain=INET:index=0:name=a"):
            error = self.assertRaises(ListenError, parse_endpoint, text)
            self.assertIn(f"app.listen.endpoint {text!r}", str(error))

    @settings(deadline=None, max_examples=200)
    @given(
        st.sampled_from(["tcp:", "tcp6:", "unix:", "ssl:", "systemd:", ""]),
        st.text(alphabet="abc=:\\0129./é\0", max_size=30),
    )
    def test_any_text_is_a_listener_or_a_listen_error(self, kind: str, rest: str) -> None:
        try:
            listener = parse_endpoint(kind + rest)
        except ListenError as error:
            self.assertEqual(len(str(error).splitlines()), 1)
        else:
            self.assertIsInstance(listener, Listener)


class ListenersTests(ListenerTestCase):
    async def test_a_free_port_answers_and_is_named_in_the_url(self) -> None:
        await self.open(Listener(Tcp(0, "127.0.0.1")))
        self.assertEqual(self.listeners.urls, [f"http://127.0.0.1:{self.port()}"])
        self.assertEqual(await self.read(("127.0.0.1", self.port())), b"hello")

    async def test_a_busy_port_is_one_line_that_says_what_to_do_and_closes_the_others(self) -> None:
        path = str(self.folder / "other.sock")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            number = taken.getsockname()[1]
            text = await self.fails(Listener(Unix(path)), Listener(Tcp(number, "127.0.0.1")))
        self.assertEqual(
            text, f"port {number} is in use on 127.0.0.1; stop what listens there, or choose another with --port"
        )
        self.assertEqual(self.listeners.urls, [])
        turn: Deferred[None] = Deferred()
        reactor.callLater(0.01, turn.callback, None)
        await turn
        self.assertFalse(os.path.exists(path))

    async def test_an_address_of_another_machine_is_refused(self) -> None:
        text = await self.fails(Listener(Tcp(0, "192.0.2.1")))
        self.assertEqual(text, "cannot listen on 192.0.2.1: this machine has no such address; see app.listen.address")

    async def test_a_change_keeps_what_stays_opens_what_is_new_and_closes_the_rest(self) -> None:
        first, second = Unix(str(self.folder / "1.sock")), Unix(str(self.folder / "2.sock"))
        await self.open(Listener(Tcp(0, "127.0.0.1")), Listener(first))
        kept = self.port()
        await self.open(Listener(Tcp(0, "127.0.0.1")), Listener(second))
        self.assertEqual(self.listeners.urls, [f"http://127.0.0.1:{kept}", f"http+unix:{second.path}"])
        self.assertEqual(await self.read(second.path, socket.AF_UNIX), b"hello")
        self.assertFalse(os.path.exists(first.path))

    async def test_a_change_given_up_leaves_everything_as_it_was(self) -> None:
        await self.open(Listener(Tcp(0, "127.0.0.1")))
        change = await self.listeners.prepare([Listener(Tcp(0, "127.0.0.2"))])
        change.abandon()
        self.assertEqual(len(self.listeners.urls), 1)
        self.assertEqual(await self.read(("127.0.0.1", self.port())), b"hello")

    async def test_the_same_port_at_another_address_asks_for_a_restart(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            number = probe.getsockname()[1]
        await self.open(Listener(Tcp(number, "127.0.0.1")))
        text = await self.fails(Listener(Tcp(number, "")))
        self.assertEqual(
            text,
            f"port {number} is in use by this server at http://127.0.0.1:{number}; restart it to change the address",
        )

    async def test_other_endpoints_are_twisteds(self) -> None:
        await self.open(Listener(Endpoint("tcp:0:interface=127.0.0.1")))
        self.assertEqual(self.listeners.urls, ["tcp:0:interface=127.0.0.1"])
        self.assertIn("cannot listen on onion:80: ", await self.fails(Listener(Endpoint("onion:80"))))
