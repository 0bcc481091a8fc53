"""The format that a request asks for: of the known ones, or of those that the route adds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from gramex_twisted.data.formats import KNOWN, FormatInfo, known
from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.base import Setup, response_headers
from gramex_twisted.web.disposition import attachment

if TYPE_CHECKING:
    from gramex_twisted.resources.form.options import FormOptions
    from gramex_twisted.web.context import Context

log = Logger()

FIELD = re.compile(r"\{(\w+)\}")
NO_SOURCE = "slides are not made from a source: here; without one, they are tables"


@dataclass(frozen=True)
class Format:
    """A value of `_format`."""

    name: str
    info: FormatInfo
    options: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, list[str]] = field(default_factory=dict)
    missing: str = ""
    """Why it cannot be had (501)."""

    def filled(self, values: Mapping[str, Sequence[str]]) -> Mapping[str, Any]:
        """The options, with `{name}` in their texts replaced by arguments."""
        return {key: _fill(value, values) for key, value in self.options.items()} if self.options else self.options

    def set_headers(self, context: Context, download: str, options: Mapping[str, Any]) -> None:
        """The response's type, and under which name a browser saves it."""
        context.set_header("Content-Type", self.info.content_type_of(options))
        if download or self.info.attachment:
            name = download or f"data.{self.info.extension_of(options)}"
            context.set_header("Content-Disposition", attachment(name))
        for name, values in self.headers.items():
            for place, value in enumerate(values):
                (context.add_header if place else context.set_header)(name, value)


class Formats:
    """The formats of a route."""

    def __init__(self, setup: Setup, options: FormOptions) -> None:
        self.lenient = options.lenient
        self.formats = {name: Format(name, info) for name, info in KNOWN.items() if not info.needs}
        if options.formulas is not None:
            self.formats["csv"] = Format("csv", KNOWN["csv"], {"formulas": options.formulas})
        if not isinstance(options.formats or {}, Mapping):
            raise setup.error(
                f"must be a mapping such as {{name: {{format: csv}}}}, not {options.formats!r}", "formats"
            )
        for name, written in (options.formats or {}).items():
            self.formats[str(name)] = self._read(setup, str(name), written)

    @staticmethod
    def _read(setup: Setup, name: str, written: Any) -> Format:
        """One of `formats:`."""
        if not isinstance(written, Mapping):
            raise setup.error(f"must be a mapping such as {{format: csv}}, not {written!r}", "formats", name)
        options = {str(key): value for key, value in written.items() if key not in ("format", "headers")}
        if written.get("format") == "pptx" and "source" in options:
            log.warn("{where}: {missing}", where=setup.where("formats", name), missing=NO_SOURCE)
            return Format(name, known("pptx"), missing=NO_SOURCE)
        headers = response_headers(written.get("headers") or {}, setup, "formats", name, "headers")
        try:
            info = known(str(written.get("format", name)))
            info.check(options)
        except ValueError as error:
            raise setup.error(str(error), "formats", name) from None
        return Format(name, info, options, headers)

    def choose(self, name: str) -> Format:
        """The format called `name`. Raises HTTPError 400, or takes json where the route is lenient."""
        found = self.formats.get(name or "json")
        if found is not None and found.missing:
            raise HTTPError(501, f"_format={name}: {found.missing}")
        if found is not None:
            return found
        if self.lenient:
            return self.formats["json"]
        near = get_close_matches(name, self.formats, 1)
        hint = f"did you mean {near[0]}?" if near else f"use one of: {', '.join(self.formats)}"
        raise HTTPError(400, f"_format={name}: no such format; {hint}")


def _fill(value: Any, values: Mapping[str, Sequence[str]]) -> Any:
    """`value` with the arguments that its texts name."""
    if isinstance(value, str):
        return FIELD.sub(lambda found: values[found[1]][0] if values.get(found[1]) else found[0], value)
    if isinstance(value, Mapping):
        return {key: _fill(item, values) for key, item in value.items()}
    return [_fill(item, values) for item in value] if isinstance(value, list) else value
