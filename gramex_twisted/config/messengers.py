"""The ``email:`` and ``sms:`` sections: services that carry messages."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from gramex_twisted.config.model import Count, Model, Seconds

MailType = Literal[
    "smtp",
    "smtps",
    "smtpstarttls",
    "gmail",
    "yahoo",
    "live",
    "mandrill",
    "office365",
    "outlook",
    "icloud",
    "mail.com",
    "stub",
]
#: Hosts by ``type``; all take STARTTLS on port 587.
HOSTS = {
    "gmail": "smtp.gmail.com",
    "yahoo": "smtp.mail.yahoo.com",
    "live": "smtp.live.com",
    "mandrill": "smtp.mandrillapp.com",
    "office365": "smtp.office365.com",
    "outlook": "smtp-mail.outlook.com",
    "icloud": "smtp.mail.me.com",
    "mail.com": "smtp.mail.com",
}
PORTS = {"tls": 465, "starttls": 587, "none": 25}
Security = Literal["tls", "starttls", "none"]


class Email(Model):
    """One entry of ``email:``."""

    type: MailType = Field(
        default="smtp",
        description="smtp, smtps (TLS from the first byte), smtpstarttls, or a provider, whose host is known. "
        "`stub` sends nothing, and keeps the mails.",
    )
    host: str | None = Field(default=None, description="The SMTP server; not needed with a provider.")
    port: Count | None = Field(default=None, ge=1, le=65535, description="Its port; default: 25, 465 or 587.")
    tls: bool | None = Field(
        default=None, description="true: the connection must become secure (STARTTLS); false: plain text."
    )
    email: str | None = Field(default=None, description="Whom to log in as, and the sender.")
    user: str | None = Field(default=None, description="Whom to log in as, where that is another than `email`.")
    password: str | None = Field(default=None, description="The password; without one, nobody logs in.")
    from_: str | None = Field(default=None, alias="from", description="The sender; default: `email`.")
    cafile: str | None = Field(
        default=None, description="PEM file of certificates to believe, for a server of one's own."
    )
    timeout: Seconds = Field(default=60, gt=0, description="Seconds that sending one mail may take.")
    stub: bool | Literal["log"] = Field(
        default=False, description="true: send nothing, and keep the mails; `log`: write them to the log too."
    )

    @model_validator(mode="after")
    def _has_host(self) -> Email:
        if not (self.host or self.type in HOSTS or self.is_stub):
            raise ValueError(f"type: {self.type} needs host:")
        return self

    @property
    def is_stub(self) -> bool:
        """Whether nothing is sent."""
        return bool(self.stub) or self.type == "stub"

    @property
    def security(self) -> Security:
        """``tls`` from the first byte, ``starttls`` before the password, or ``none``."""
        if self.tls is False:
            return "none"
        if self.port == PORTS["tls"] or (self.type == "smtps" and self.port not in (25, 587)):
            return "tls"
        return "none" if self.type in ("smtp", "stub") and not self.tls else "starttls"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host or HOSTS.get(self.type, "localhost"), self.port or PORTS[self.security]


SMS_NEEDS = {
    "amazonsns": ("aws_access_key_id", "aws_secret_access_key", "region_name"),
    "exotel": ("sid", "token"),
    "twilio": ("account_sid", "auth_token"),
}


class Sms(Model):
    """One entry of ``sms:``."""

    type: Literal["amazonsns", "exotel", "twilio"] = Field(description="Who carries the messages.")
    url: str | None = Field(
        default=None, pattern=r"^https?://[^\s/]+[^\s]*$", description="Another address of its API, such as a test's."
    )
    timeout: Seconds = Field(default=30, gt=0, description="Seconds that one call of the API may take.")
    sender: str | None = Field(default=None, alias="from", description="The sender; `send(sender=...)` wins.")
    aws_access_key_id: str | None = Field(default=None, description="amazonsns: the key's name.")
    aws_secret_access_key: str | None = Field(default=None, description="amazonsns: the key.")
    aws_session_token: str | None = Field(default=None, description="amazonsns: the token of a temporary key.")
    region_name: str | None = Field(default=None, description="amazonsns: the region, such as `ap-southeast-1`.")
    smstype: Literal["Transactional", "Promotional"] = Field(
        default="Transactional", description="amazonsns: how much it matters that a message arrives."
    )
    sid: str | None = Field(default=None, description="exotel: the account.")
    token: str | None = Field(default=None, description="exotel: the API token.")
    key: str | None = Field(default=None, description="exotel: the API key; default: `sid`.")
    domain: str = Field(default="api.exotel.com", description="exotel: the host of its API.")
    priority: str = Field(default="high", description="exotel: `normal` or `high`.")
    account_sid: str | None = Field(default=None, description="twilio: the account.")
    auth_token: str | None = Field(default=None, description="twilio: its token.")

    @model_validator(mode="before")
    @classmethod
    def _lower(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("type"), str):
            kind = data["type"].lower()
            return {**data, "type": "amazonsns" if kind in ("sns", "aws", "amazon") else kind}
        return data

    @property
    def missing(self) -> tuple[str, ...]:
        """What it cannot do without, and has not: an environment variable may not be set here."""
        return tuple(name for name in SMS_NEEDS[self.type] if not getattr(self, name))
