"""The ``api:`` section: what all APIs of an app share."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, model_validator

from gramex_twisted.config.model import Count, Model

_KEY = re.compile(r"[A-Z0-9_]+_KWARGS")


class ApiSettings(Model):
    """APIs. A key such as ``QUERY_KWARGS`` has options of the API named ``query``, under those of its class."""

    extras = "keep"

    cache: bool | Annotated[Count, Field(ge=0)] = Field(
        default=604800,
        description="Seconds that clients may keep an answer to GET, where neither the class nor the route says; "
        "false: no Cache-Control.",
    )

    max_items: Annotated[Count, Field(ge=1)] = Field(
        default=100_000,
        description="Most items of an iterator that are gathered into one answer, where neither class nor route "
        "says; `format=jsonl` sends each when it comes, and has no limit.",
    )

    @model_validator(mode="after")
    def _only_kwargs(self) -> ApiSettings:
        if self.cache is True:
            raise ValueError("cache must be seconds or false, not true")
        for key, value in (self.model_extra or {}).items():
            if not _KEY.fullmatch(key):
                raise ValueError(
                    f"unknown key '{key}'; use cache, max_items, or <NAME>_KWARGS for the options of an API"
                )
            if not isinstance(value, dict):
                raise ValueError(f"{key} must be a mapping of methods to options")
        return self


def settings_key(name: str) -> str:
    """``"query"`` as ``"QUERY_KWARGS"``."""
    return re.sub(r"[^A-Z0-9]+", "_", name.upper()) + "_KWARGS"
