"""The formats that answers are written in: what each is called, what it is served as, and what may be said about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

Options: TypeAlias = Mapping[str, Any]

OFFICE = "application/vnd.openxmlformats-officedocument"
HTML = "text/html; charset=utf-8"
IMAGES: Mapping[str, str] = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf", "jpg": "image/jpeg"}
"""Extensions of charts that seaborn draws."""


@dataclass(frozen=True)
class FormatInfo:
    """One format. `module` of this package has its function `write`."""

    name: str
    module: str
    content_type: str
    extension: str
    """Of files, without the dot."""
    label: str
    """What a link to it says."""
    options: frozenset[str] | None = frozenset()
    """What it may be told; None: anything, which is then passed on."""
    streams: bool = False
    """Whether `stream` writes it from batches of rows."""
    attachment: bool = False
    """Whether a browser should save it, rather than show it."""
    single_only: bool = False
    """Whether it holds one dataset only."""
    anything: bool = False
    """Whether it also writes what is no table."""
    needs: str = ""
    """The option without which it writes nothing, and what that is."""
    extra: str = "data"
    """The extra of the package that installs what it needs."""

    def content_type_of(self, options: Options) -> str:
        """The media type of what `options` ask for."""
        if self.module == "charts":
            return IMAGES.get(str(options.get("ext", "png")), self.content_type)
        if self.module == "vega" and options.get("as") == "script":
            return "text/javascript; charset=utf-8"
        return self.content_type

    def extension_of(self, options: Options) -> str:
        """The extension of what `options` ask for, without the dot."""
        if self.module == "charts":
            return str(options.get("ext", self.extension))
        return "js" if self.module == "vega" and options.get("as") == "script" else self.extension

    def can_stream(self, options: Options) -> bool:
        """Whether `stream` writes it as `options` ask for."""
        return self.streams and not (self.name == "json" and set(options) & _JSON)

    def check(self, options: Collection[str]) -> None:
        """Raise ValueError for options that it does not have, and for want of the one that it needs."""
        if self.name == "vegam":
            raise ValueError("format vegam is no more: its grammar has had no release since 2019; use vega-lite")
        unknown = [] if self.options is None else sorted(set(options) - self.options)
        if unknown:
            have = f"it has {', '.join(sorted(self.options or ()))}" if self.options else "it has none"
            raise ValueError(f"format {self.name} has no option {', '.join(unknown)}; {have}")
        if self.needs and self.needs.partition(":")[0] not in options:
            raise ValueError(f"format {self.name} needs the option {self.needs}")


def _all(infos: Iterable[FormatInfo]) -> Mapping[str, FormatInfo]:
    return MappingProxyType({info.name: info for info in infos})


_JSON = frozenset({"orient", "indent"})
_CSV = frozenset({"sep", "header", "na_rep", "bom", "formulas"})
_XLSX = frozenset({"sheet_name", "header", "autofilter", "freeze"})
_PPTX = frozenset({"title", "rows", "font_size"})
_TEMPLATE = "template: the path of a file"
_SPEC = "spec: what Vega is to draw"
_PARQUET = frozenset({"compression"})

KNOWN: Mapping[str, FormatInfo] = _all(
    (
        FormatInfo("json", "jsontext", "application/json", "json", "JSON", _JSON, streams=True, anything=True),
        FormatInfo("jsonl", "jsontext", "application/jsonl", "jsonl", "JSON lines", streams=True, single_only=True),
        FormatInfo("csv", "csvtext", "text/csv; charset=utf-8", "csv", "CSV", _CSV, streams=True, attachment=True),
        FormatInfo("html", "htmlpage", HTML, "html", "Table", frozenset({"title"})),
        FormatInfo("xlsx", "xlsx", f"{OFFICE}.spreadsheetml.sheet", "xlsx", "Excel", _XLSX, attachment=True),
        FormatInfo(
            "parquet", "columnar", "application/vnd.apache.parquet", "parquet", "Parquet", _PARQUET,
            attachment=True, single_only=True,
        ),
        FormatInfo(
            "arrow", "columnar", "application/vnd.apache.arrow.file", "arrow", "Arrow", _PARQUET,
            attachment=True, single_only=True,
        ),
        FormatInfo(
            "pptx", "slides", f"{OFFICE}.presentationml.presentation", "pptx", "PowerPoint", _PPTX,
            attachment=True, extra="pptx",
        ),
        FormatInfo("template", "template", HTML, "html", "Page", None, anything=True, needs=_TEMPLATE),
        FormatInfo("vega", "vega", HTML, "html", "Chart", None, needs=_SPEC),
        FormatInfo("vega-lite", "vega", HTML, "html", "Chart", None, needs=_SPEC),
        FormatInfo("vegam", "vega", HTML, "html", "Chart", None, needs=_SPEC),
        FormatInfo("seaborn", "charts", "image/png", "png", "Chart", None, extra="charts"),
        FormatInfo("sns", "charts", "image/png", "png", "Chart", None, extra="charts"),
    )
)  # fmt: skip
"""The formats by name."""


def known(name: str) -> FormatInfo:
    """The format of this name. Raises ValueError with those that there are."""
    if name not in KNOWN:
        raise ValueError(f"no format {name!r}; there are {', '.join(KNOWN)}")
    return KNOWN[name]
