"""The options of DBAuth."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from gramex_twisted.config.model import Count, Model
from gramex_twisted.resources.auth.options import AuthOptions

SUBJECT = "Set a new password"
BODY = """Somebody, hopefully you, asked for a new password for {user}.

To set it, open this link within {minutes} minutes:

{reset_url}

If it was not you, there is nothing to do: your password stays as it is.
"""


class UserColumn(Model):
    """Where user names are."""

    column: str = Field(default="user", description="The table's column of user names.")
    arg: str = Field(default="user", description="The form's field of the user's name.")


class PasswordColumn(Model):
    """Where passwords are."""

    legacy = frozenset({"hash"})

    column: str = Field(default="password", description="The table's column of passwords.")
    arg: str = Field(default="password", description="The form's field of the password.")
    function: Any = Field(
        default=None,
        description="`module.fn(content, handler)`: what is compared with the column, made of the password `content`. "
        "argon2 hashes are known without it, and so are pbkdf2 and sha256 hashes of Gramex 1.x.",
    )
    rehash: bool | None = Field(
        default=None,
        description="Replace passwords that are not argon2 hashes by argon2 hashes when their users log in; default: "
        "true unless there is a `function`.",
    )
    least: Count = Field(default=8, ge=1, le=1000, description="Characters of the shortest new password.")


class Forgot(Model):
    """New passwords by mail."""

    key: str = Field(default="forgot", description="`?forgot` shows the page.")
    email_from: str = Field(description="The service in `email:` that sends the mails.")
    email_as: str | None = Field(default=None, description="The From: address, instead of the service's.")
    minutes_to_expiry: float = Field(default=15, gt=0, le=1440, description="Minutes that a mailed link works.")
    arg: str = Field(default="email", description="The form's field of the address or user name.")
    email_column: str = Field(default="email", description="The table's column of mail addresses.")
    email_subject: str = Field(
        default=SUBJECT, description="The mail's subject. It and the texts know `{reset_url}`, `{minutes}` and columns."
    )
    email_body: str = Field(default=BODY, description="The mail's text.")
    email_text: str | None = Field(default=None, description="Another name of `email_body`.")
    email_bodyfile: str | None = Field(default=None, description="A file with the mail's text.")
    email_html: str | None = Field(default=None, description="The mail's text in HTML.")
    email_htmlfile: str | None = Field(default=None, description="A file with the mail's text in HTML.")
    email_htmlbody: str | None = Field(default=None, description="Another name of `email_htmlfile`.")
    template: str | None = Field(default=None, description="The page's template; default: the route's.")


class SignUp(Model):
    """New accounts."""

    key: str = Field(default="signup", description="`?signup` shows the page.")
    columns: dict[str, str] = Field(
        default={}, description="Field of the form -> column of the table, for more fields."
    )
    validate_: Any = Field(
        default=None,
        alias="validate",
        description="`module.fn(handler, args)`: refuses an account when it is false or raises an error, whose text is "
        "shown when it is a ValueError or an HTTPError.",
    )
    template: str | None = Field(default=None, description="The page's template; default: the route's.")


class Change(Model):
    """New passwords for those who know the old one."""

    key: str = Field(default="change", description="`?change` shows the page.")
    template: str | None = Field(default=None, description="The page's template; default: the route's.")


def _true_as_default(value: Any) -> Any:
    return {} if value is True else None if value is False else value


class DBOptions(AuthOptions):
    """Users in a table of a database, or of a file that people sign in with but that is only read."""

    url: str = Field(
        description="SQLAlchemy URL of the database: `sqlite:///users.db`, `postgresql://...`; or a file, such as "
        "users.csv or users.xlsx, which is only read: without `signup`, `forgot` and `change`."
    )
    table: str = Field(default="users", description="The database's table; `schema.table` works too.")
    sheet_name: str | int | None = Field(
        default=None, description="Of an XLSX file: the sheet's name, or its number from 0; default: the first."
    )
    user: UserColumn = Field(default=UserColumn(), description="`{column, arg}` of user names.")
    password: PasswordColumn = Field(default=PasswordColumn(), description="`{column, arg, function}` of passwords.")
    forgot: Annotated[
        Forgot | None, BeforeValidator(_true_as_default, json_schema_input_type=Forgot | Literal[False])
    ] = Field(default=None, description="Mail a link that sets a new password: `{email_from: service}`.")
    signup: Annotated[SignUp | None, BeforeValidator(_true_as_default, json_schema_input_type=SignUp | bool)] = Field(
        default=None,
        description="Let people make accounts. With `forgot`, a mailed link sets the password and proves the address.",
    )
    change: Annotated[Change | None, BeforeValidator(_true_as_default, json_schema_input_type=Change | bool)] = Field(
        default=None, description="Let people change their passwords."
    )
