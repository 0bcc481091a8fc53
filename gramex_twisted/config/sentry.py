"""The ``sentry:`` section: where unexpected errors are reported."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from gramex_twisted.config.model import Model, Seconds, no_bool

_DSN = re.compile(r"https?://[^\s:/@]+(:[^\s/@]*)?@[^\s/@]+/([^\s?#]*/)?\d+")


def _dsn(value: str) -> str:
    if value and not _DSN.fullmatch(value):
        raise ValueError("must be such as https://key@host/number")
    return value


Rate = Annotated[float, Field(ge=0, le=1), BeforeValidator(no_bool)]
"""A share, between 0 and 1."""


class Sentry(Model):
    """Sentry, or what speaks its protocol. Without a ``dsn`` nothing is reported."""

    dsn: Annotated[str, AfterValidator(_dsn)] = Field(
        default="",
        description="The project's address: `https://key@host/number`; empty: nothing is reported.",
    )
    environment: str | None = Field(default=None, max_length=64, description="Such as `production` or `staging`.")
    release: str | None = Field(default=None, max_length=200, description="The app's version.")
    server_name: str | None = Field(default=None, description="Name of this server; default: its host name.")
    sample_rate: Rate = Field(default=1.0, description="Share of errors that are reported, between 0 and 1.")
    traces_sample_rate: Rate = Field(
        default=0.0, description="Share of requests whose time is reported, between 0 and 1."
    )
    local_variables: bool = Field(
        default=False, description="true: report local variables too, which may hold what nobody should see."
    )
    stop_timeout: Seconds = Field(
        default=2, le=60, description="Seconds that the server waits for its last reports when it stops."
    )
