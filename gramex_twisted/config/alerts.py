"""The ``alert:`` section: reports that are mailed."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from gramex_twisted.config.schedules import Times
from gramex_twisted.config.settings import Texts

#: What a mail is made from, and what says to whom it goes.
CONTENTS = ("body", "html", "markdown", "bodyfile", "htmlfile", "markdownfile")
RECIPIENTS = ("to", "cc", "bcc")
ADDRESSES = (*RECIPIENTS, "reply_to", "on_behalf_of", "from")
#: Names that templates know beside the alert's datasets.
NAMES = ("config", "args", "index", "row")


def datasets_of(value: Any) -> Any:
    """`data:` in its long form: name -> list of values, or the kwargs of a dataset (`{url: ...}`)."""
    if isinstance(value, str | list):
        value = {"data": value}
    if not isinstance(value, dict):
        raise ValueError("must be a file, a list of values, or a mapping of names to these or to {url: ...}")
    found = {}
    for name, dataset in value.items():
        if not isinstance(name, str) or not name.isidentifier() or name in NAMES:
            raise ValueError(f"{name!r} is no name for a dataset; {', '.join(NAMES)} are taken")
        if not isinstance(dataset, str | list) and not (isinstance(dataset, dict) and dataset.get("url")):
            raise ValueError(f"{name}: needs url:, or a list of values")
        found[name] = {"url": dataset} if isinstance(dataset, str) else dataset
    return found


class Alert(Times):
    """One entry of ``alert:``. Texts are Tornado templates, which know the datasets, and `index`, `row`, `args`,
    `config`."""

    service: str | None = Field(default=None, description="The mail service, a name in `email:`; default: its first.")
    to: str | list[str] | None = Field(
        default=None, description="Who gets it: addresses, separated by commas or a list. A template."
    )
    cc: str | list[str] | None = Field(default=None, description="Who gets a copy.")
    bcc: str | list[str] | None = Field(default=None, description="Who gets a copy that others do not know of.")
    reply_to: str | list[str] | None = Field(default=None, description="Where answers go.")
    on_behalf_of: str | list[str] | None = Field(default=None, description="The header On-Behalf-Of.")
    from_: str | None = Field(default=None, alias="from", description="The sender; default: that of the service.")
    subject: str | None = Field(default=None, description="The subject. A template.")
    body: str | None = Field(default=None, description="The plain text. A template.")
    html: str | None = Field(default=None, description="The HTML. A template, whose values are escaped.")
    markdown: str | None = Field(default=None, description="The HTML, as Markdown. A template.")
    bodyfile: str | None = Field(default=None, description="File with the plain text; its name is a template too.")
    htmlfile: str | None = Field(default=None, description="File with the HTML.")
    markdownfile: str | None = Field(default=None, description="File with Markdown.")
    images: dict[str, str] = Field(
        default={}, description='Pictures in the HTML, `<img src="cid:name">`: name -> file or URL. Templates.'
    )
    attachments: Texts = Field(default=(), description="Files or URLs that are attached. Templates.")
    data: Annotated[Any, BeforeValidator(datasets_of)] = Field(
        default={},
        description="What templates know: a file, a list, or names of these or of `{url, table, ...}` as FormHandler "
        "takes it. `data: sales.csv` is called `data`.",
    )
    each: str | None = Field(
        default=None, description="A dataset: one mail for each of its rows, which is `row`, its place `index`."
    )
    condition: str | None = Field(
        default=None,
        description="An expression over the datasets. What is false stops the alert; a mapping or a table that it "
        "returns is used in their place.",
    )
    user: dict[str, Any] | None = Field(
        default=None, description="As whom images and attachments are fetched from this app: `{id: ..., role: ...}`."
    )
    notify: Texts = Field(
        default=(), description="Alerts that run when this one has; `args` has its `done` and `fail`."
    )
    dry_run: bool = Field(default=False, description="true: make the mails, say so in the log, and send none.")

    @model_validator(mode="after")
    def _complete(self) -> Alert:
        if not any(getattr(self, key) for key in RECIPIENTS):
            raise ValueError("says not to whom: write to:, cc: or bcc:")
        if self.each is not None and self.each not in self.data:
            known = ", ".join(self.data) or "none"
            raise ValueError(f"each: {self.each!r} is not a dataset of data:; there is {known}")
        return self
