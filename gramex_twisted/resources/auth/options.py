"""The options that every auth handler takes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from gramex_twisted.config.model import Model, Seconds, no_bool
from gramex_twisted.resources.base import Options

RECAPTCHA_URL = "https://www.google.com/recaptcha/api/siteverify"
#: Where people go after signing in or out, unless a route says otherwise.
REDIRECT = {"query": "next", "header": "Referer"}

Days = Annotated[float, Field(gt=0, allow_inf_nan=False), BeforeValidator(no_bool)]


def as_list(value: Any) -> Any:
    """One value as a list of it."""
    return value if isinstance(value, list) else [value]


class Recaptcha(Model):
    """Google's reCAPTCHA v3, or what speaks its protocol."""

    key: str = Field(description="The site's key.")
    secret: str = Field(description="The site's secret.")
    action: str = Field(default="login", description="The name of the action in reCAPTCHA's reports.")
    score: float = Field(default=0.5, ge=0, le=1, description="The least score of a person, where one is reported.")
    url: str = Field(default=RECAPTCHA_URL, description="Where tokens are verified.")
    script: str = Field(
        default="https://www.google.com/recaptcha/api.js", description="The script that the page loads."
    )


class SessionExpiry(Model):
    """How long a session lasts, as the visitor chooses."""

    default: Days | Literal[False] | None = Field(
        default=None, description="Days without a valid choice; default: app.session.expiry."
    )
    key: str = Field(default="remember", description="The argument that tells the choice.")
    values: dict[str, Days | Literal[False]] = Field(default={}, description="Choice -> days.")


class Source(Model):
    """A table: a file, or a table of a database. What else there is are options of the file's reader."""

    extras = "keep"

    url: str = Field(
        description="A file (csv, xlsx, json, parquet ... as of FormHandler), or a database's SQLAlchemy URL."
    )
    table: str | None = Field(
        default=None, description="The database's table; `schema.table` works too. In an XLSX file, a named table."
    )


class Lookup(Source):
    """A table of attributes of users."""

    id: str = Field(default="user", description="The column with the ids of users.")


class Rule(Model):
    """Sets an attribute of users who have another."""

    selector: str = Field(description="The attribute that is looked at.")
    pattern: str = Field(description="A glob that its value must match: `*@example.org`.")
    field: str = Field(description="The attribute that is set.")
    value: Any = Field(default="", description="What it is set to.")


class Arg(Model):
    """A field of the log-in form."""

    arg: str = Field(description="The name of the form's field.")


class UserArg(Arg):
    """The field of the user's name."""

    arg: str = Field(default="user", description="The name of the form's field.")


class PasswordArg(Arg):
    """The field of the password."""

    arg: str = Field(default="password", description="The name of the form's field.")


class AuthOptions(Options):
    """What every way to sign in shares."""

    redirect: str | dict[str, Any] | None = Field(
        default=REDIRECT,
        description="Where to go when signed in: a URL, or `{query: next, header: Referer, url: /}` tried in that "
        "order; other sites only with `external: true`.",
    )
    prepare: Any = Field(
        default=None,
        description="`module.fn(args, handler)`: called before each request; may change the arguments, or "
        "return others.",
    )
    action: Annotated[list[Any], BeforeValidator(as_list)] = Field(
        default=[],
        description="Functions of `handler` that are called after log-in, or before log-out, one or a list. "
        "`ensure_single_session` ends the user's other sessions. An action that raises an error refuses the log-in.",
    )
    lookup: Lookup | None = Field(
        default=None,
        description="More attributes of users: `{url: users.xlsx, sheet_name, id: user}`, any file that FormHandler "
        "reads, or `{url: sqlite:///..., table}`.",
    )
    rules: list[Rule] | Source | None = Field(
        default=None,
        description="`{selector, pattern, field, value}`, a list or a table of them: where the attribute `selector` "
        "matches the glob `pattern`, the attribute `field` becomes `value`.",
    )
    delay: Annotated[list[Seconds], BeforeValidator(as_list)] = Field(
        default=[1, 1, 5],
        description="Seconds that failed attempts take: the first, the second ...; the last is for all further ones. "
        "They are counted by user and by address.",
    )
    session_expiry: Days | Literal[False] | SessionExpiry | None = Field(
        default=None,
        description="Days that the session lasts; false: until the browser closes; or `{key, values, default}`, where "
        "the argument `key` chooses one of `values`. Default: app.session.expiry.",
    )
    session_inactive: Days | None = Field(default=None, description="Days after which a session ends that is not used.")
    user_key: str = Field(
        default="user", description="The session's key for the user. Only `user` signs in; others link an account."
    )
    recaptcha: Recaptcha | None = Field(default=None, description="reCAPTCHA v3 on the form: `{key, secret}`.")
    template: str | None = Field(
        default=None, description="The page's template; it knows `error` (None or `{code, error}`), `handler`, `page`."
    )
    max_body_size: int | None = Field(default=100_000, ge=0, description="Longest request body in bytes.")

    @field_validator("auth", mode="before")
    @classmethod
    def _no_auth(cls, value: Any) -> None:
        """Nobody has to sign in to sign in, whatever ``handlers.BaseHandler.auth`` says."""
        return
