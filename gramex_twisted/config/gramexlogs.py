"""The ``gramexlog:`` section: structured logs for Elasticsearch."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from gramex_twisted.config.model import Count, Model, Seconds, no_bool
from gramex_twisted.config.settings import Texts

Flush = Annotated[float, Field(ge=0.1, allow_inf_nan=False), BeforeValidator(no_bool)]


class GramexLogApp(Model):
    """One entry of ``gramexlog:``."""

    hosts: Texts = Field(
        default=("http://localhost:9200",), description="Servers, tried in turn: `http://localhost:9200` or a list."
    )
    host: str | None = Field(default=None, description="One server, instead of `hosts`.")
    port: Count = Field(default=9200, ge=1, le=65535, description="The port of servers without one.")
    use_ssl: bool = Field(default=False, description="https, for servers that do not say.")
    http_auth: str | list[str] | None = Field(default=None, description="`user:password`, or a list of both.")
    api_key: str | None = Field(default=None, description="An API key, in base64, instead.")
    index: str | None = Field(default=None, description="The index; default: the entry's name.")
    keys: Texts = Field(default=(), description="What is added of requests, as in `log.handlers.requests.keys`.")
    timeout: Seconds = Field(default=10, gt=0, description="Seconds that a server may take.")

    @model_validator(mode="before")
    @classmethod
    def _plain_hosts(cls, data: Any) -> Any:
        """`hosts: [{host: a, port: 1}]`, as elasticsearch-py takes it."""
        if not isinstance(data, dict) or not isinstance(data.get("hosts"), list):
            return data
        plain = [f"{item['host']}:{item.get('port', 9200)}" if isinstance(item, dict) and "host" in item else item
                 for item in data["hosts"]]  # fmt: skip
        return {**data, "hosts": plain}

    @property
    def urls(self) -> list[str]:
        """Those of the servers."""
        found = []
        for host in (self.host,) if self.host else self.hosts:
            url = host if "://" in host else f"{'https' if self.use_ssl else 'http'}://{host}"
            rest = url.partition("://")[2].partition("/")[0].rpartition("@")[2]
            found.append(url.rstrip("/") if ":" in rest or "://" in host else f"{url.rstrip('/')}:{self.port}")
        return found


GramexLogSection = dict[str, GramexLogApp | Flush]
"""Entries by name, and `flush`: seconds between sending."""
