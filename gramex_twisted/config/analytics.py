"""The ``analytics:`` section: who is told how the APIs of an app are used."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gramex_twisted.config.model import Count, Model, Seconds

GOOGLE = "https://www.google-analytics.com/mp/collect"


#: Characters of names. Not ``\w``: for all of Unicode, 64 times, pydantic keeps 6 MB.
_NAME, _DOTTED = "[A-Za-z0-9_-]", "[A-Za-z0-9_.-]"
_URL = re.compile(r"https?://[^\s/?#]+[^\s#]*")


def _address(value: str) -> str:
    if not _URL.fullmatch(value):
        raise ValueError(f"must be a URL of http or https, not {value!r}")
    return value


Url = Annotated[str, AfterValidator(_address)]
"""Where requests are sent."""


def _listed(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


class Channel(Model):
    """What every channel takes."""

    page_views: bool = Field(
        default=True, description="false: send only what handlers say by `handler.event`, not that an API was called."
    )


class GA4(Channel):
    """Google Analytics 4, by its Measurement Protocol."""

    measurement_id: str = Field(pattern=rf"^{_NAME}+$", description="The data stream, such as `G-1A2B3C4D5E`.")
    api_secret: str = Field(min_length=1, description="The secret made for it at Admin > Data streams.")
    endpoint: Url = Field(
        default=GOOGLE, description="Where it is sent, such as `https://region1.google-analytics.com/...`."
    )


class Webhook(Channel):
    """Any server: gets `{"events": [...]}` as JSON."""

    url: Url = Field(description="Where events are posted.")
    headers: dict[str, str] = Field(default={}, description="Headers of the request, such as Authorization.")


class Slack(Channel):
    """An incoming webhook of Slack."""

    page_views: bool = Field(default=False, description="true: tell of every call, not only of `handler.event`.")
    url: Url = Field(description="The webhook's address, which is a secret.")


class Aws(Channel):
    """Amazon's SNS or Firehose."""

    topic: str | None = Field(
        default=None,
        pattern=rf"^arn:{_NAME}+:sns:{_NAME}+:[0-9]+:{_DOTTED}+$",
        description="ARN of the SNS topic to publish to.",
    )
    stream: str | None = Field(
        default=None,
        pattern=rf"^{_DOTTED}{{1,64}}$",
        description="Or the name of the Firehose stream to put records in.",
    )
    region: str | None = Field(
        default=None, pattern=r"^[a-z0-9-]+$", description="The region, such as `eu-west-1`; default: the topic's."
    )
    key: str = Field(min_length=1, description="ID of the access key.")
    secret: str = Field(min_length=1, description="The access key.")
    token: str | None = Field(default=None, description="The session token of a temporary key.")
    endpoint: Url | None = Field(default=None, description="Another address of the service.")

    @model_validator(mode="after")
    def _one_target(self) -> Aws:
        if (self.topic is None) == (self.stream is None):
            raise ValueError("needs either topic: (SNS) or stream: (Firehose)")
        if self.stream is not None and self.region is None:
            raise ValueError("stream: needs region:")
        return self

    @property
    def place(self) -> str:
        """The region."""
        return self.region or (self.topic or "").split(":")[3]


class Analytics(Model):
    """The ``analytics:`` section. Each kind of channel is one mapping or a list of them."""

    enabled: bool = Field(default=True, description="false: nothing is sent, whatever else is written here.")
    ga4: Annotated[tuple[GA4, ...], BeforeValidator(_listed, json_schema_input_type=GA4 | list[GA4])] = Field(
        default=(), description="Google Analytics 4; one or a list."
    )
    webhook: Annotated[
        tuple[Webhook, ...], BeforeValidator(_listed, json_schema_input_type=Webhook | list[Webhook])
    ] = Field(default=(), description="Servers that get JSON; one or a list.")
    slack: Annotated[tuple[Slack, ...], BeforeValidator(_listed, json_schema_input_type=Slack | list[Slack])] = Field(
        default=(), description="Slack; one or a list."
    )
    aws: Annotated[tuple[Aws, ...], BeforeValidator(_listed, json_schema_input_type=Aws | list[Aws])] = Field(
        default=(), description="Amazon SNS or Firehose; one or a list."
    )
    salt: str | None = Field(
        default=None,
        min_length=8,
        description="Secret that makes addresses into ids which lead back to nobody; default: one made from "
        "`app.settings.cookie_secret`.",
    )
    interval: Seconds = Field(default=5, gt=0, le=3600, description="Seconds that an event waits for others at most.")
    queue: Count = Field(default=1000, ge=1, le=100_000, description="Events that may wait in one channel.")
    timeout: Seconds = Field(default=10, gt=0, le=300, description="Seconds that one request to a channel may take.")
    retries: Count = Field(default=3, ge=0, le=20, description="How often a failed request is sent again.")
    backoff: Seconds = Field(
        default=1, ge=0, le=60, description="Seconds before the first time; twice as many before each other, up to 60."
    )
    stop_timeout: Seconds = Field(
        default=3, le=60, description="Seconds that the server waits for its last events when it stops."
    )

    @property
    def channels(self) -> tuple[tuple[str, Channel], ...]:
        """All channels, each with its key for messages; none where it is switched off."""
        if not self.enabled:
            return ()
        kinds: dict[str, tuple[Channel, ...]] = {
            "ga4": self.ga4,
            "webhook": self.webhook,
            "slack": self.slack,
            "aws": self.aws,
        }
        return tuple(
            (f"analytics.{kind}" if len(found) == 1 else f"analytics.{kind}.{number}", channel)
            for kind, found in kinds.items()
            for number, channel in enumerate(found)
        )
