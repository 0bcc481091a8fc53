"""Analytics: tells the channels of ``analytics:`` how the APIs of an app are used, in the background.

analytics = setup.services.part(Analytics)
analytics.offer({"category": "search", "action": "found", "value": 3}, about)
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger
from twisted.web.client import Agent

from gramex_twisted.config import analytics as config
from gramex_twisted.services.analytics.about import About, client_id
from gramex_twisted.services.analytics.amazon import amazon_sink
from gramex_twisted.services.analytics.channel import Channel
from gramex_twisted.services.analytics.google import GoogleSink
from gramex_twisted.services.analytics.sinks import Asking, Sink, SlackSink, WebhookSink
from gramex_twisted.services.container import Services
from gramex_twisted.services.upstream.asking import Answer, ask
from gramex_twisted.services.upstream.service import Upstreams

log = Logger()

#: Seconds that an idle connection to a channel is kept, and how many.
IDLE, MOST_IDLE = 30.0, 4


class Analytics(Service):
    """The channels of one app. Nothing is connected before the first event."""

    name = "analytics"

    def __init__(self, services: Services) -> None:
        self.settings = config.Analytics.model_validate(services.conf.get("analytics") or {})
        self._services = services
        self._salt: bytes | None = None
        self._heir: Analytics | None = None
        self.channels: list[tuple[config.Channel, Channel]] = []
        if self.settings.channels:
            upstreams = services.part(Upstreams)  # now: what is first asked for when the app stops, is never stopped
            self._agent: Agent = upstreams.open(
                connect_timeout=self.settings.timeout, most_idle=MOST_IDLE, idle_timeout=IDLE, authorities=None
            )
        for name, options in self.settings.channels:
            sink = sink_of(options)
            self.channels.append((options, Channel(name, sink, self.settings, services.reactor, self._post)))

    @property
    def wanted(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self.channels)

    def offer(self, event: Mapping[str, Any], about: About) -> None:
        """Tell of one request, soon: call it on the reactor, when the response has been sent. Takes microseconds, never
        fails and never waits.

        :param event: what the handler says of it: ``category``, ``action``, ``label``, ``value`` and a list of more
            such events under ``__secondary__``; whatever else goes to webhooks and Amazon.
        """
        if self._heir is not None:
            self._heir.offer(event, about)
            return
        client = client_id(self._secret(), about.address, about.agent) if self.channels else ""
        for _, channel in self.channels:
            channel.offer(event, about, client)

    def _secret(self) -> bytes:
        """The salt of client ids: the configured one, else made from the app's secret, which its processes share."""
        if self._salt is None:
            salt = self.settings.salt
            if salt is None:
                try:
                    salt = f"analytics {self._services.sessions.signer.secret}"
                except OSError as error:
                    log.warn("analytics: ids of visitors hold until the server stops: {error}", error=str(error))
                    salt = os.urandom(32).hex()
            self._salt = hashlib.blake2b(salt.encode()).digest()
        return self._salt

    def _post(self, asking: Asking) -> Deferred[Answer]:
        answering = Deferred.fromCoroutine(ask(self._agent, "POST", asking.url, asking.headers, asking.body))
        return answering.addTimeout(self.settings.timeout, self._services.reactor)

    # Life -------------------------------------------------------------------------------------------------------------

    def hand_over(self, successor: Services) -> None:
        """Give what waits to the app that takes over, where it has the same channel, and what comes yet in any case."""
        heir = successor.part(Analytics)
        mine = {id(channel): channel for _, channel in heir.channels}
        for options, channel in self.channels:
            same = next((other for known, other in heir.channels if known == options and id(other) in mine), None)
            if same is not None:
                del mine[id(same)]
                channel.hand_over(same)
        self._heir = heir

    def stopService(self) -> Deferred[None]:
        """Send what there is, for ``stop_timeout`` seconds at most."""
        super().stopService()
        return gatherResults([channel.stop() for _, channel in self.channels]).addCallback(_nothing)


def sink_of(options: config.Channel) -> Sink:
    """What sends to a channel."""
    if isinstance(options, config.GA4):
        return GoogleSink(options)
    if isinstance(options, config.Slack):
        return SlackSink(options)
    if isinstance(options, config.Aws):
        return amazon_sink(options)
    assert isinstance(options, config.Webhook)
    return WebhookSink(options)


def _nothing(_: object) -> None:
    """A service that has stopped says no more."""
