"""LDAPAuth: users and passwords of an LDAP directory."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field
from twisted.logger import Logger

from gramex_twisted.config.model import Count, Model, Seconds
from gramex_twisted.resources.auth.asking import SignInError
from gramex_twisted.resources.auth.base import WRONG, AuthHandler
from gramex_twisted.resources.auth.directory import Directory, Server
from gramex_twisted.resources.auth.ldapfilter import names_in
from gramex_twisted.resources.auth.ldapusers import LDAPUsers
from gramex_twisted.resources.auth.options import AuthOptions
from gramex_twisted.resources.auth.pages import Page
from gramex_twisted.resources.auth.passwordform import PasswordForm
from gramex_twisted.resources.base import Setup

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

log = Logger()

#: Characters of the longest field that is sent on.
LONGEST = 1000


class Bind(Model):
    """An account that may search."""

    user: str = Field(min_length=1, description="Its name: `cn=reader,dc=example,dc=org`.")
    password: str = Field(min_length=1, description="Its password.")


class Search(Model):
    """How somebody's entry is found."""

    base: str = Field(description="Where to search: `dc=example,dc=org`.")
    filter: str = Field(
        description="What to search for: `(mail={user})`. What people enter is never taken for a part of the filter."
    )
    password: str = Field(default="{password}", description="With `bind`: the password, from the form's fields.")
    user: str | None = Field(
        default=None,
        description="The user's `id`, from attributes: `DOMAIN\\{sAMAccountName}`. Default: the entry's name.",
    )
    attributes: list[str] = Field(
        default=[],
        description="The attributes to fetch, which the user then has under these names too: `[cn, mail]`. Default: "
        "all, under `attributes` alone.",
    )


class LDAPOptions(AuthOptions):
    """A directory, and how people are found in it."""

    host: str = Field(min_length=1, description="The directory's host name.")
    port: Count | None = Field(default=None, ge=1, le=65535, description="Its port; default: 389, or 636 with use_ssl.")
    use_ssl: bool = Field(default=False, description="Connect by TLS (ldaps).")
    start_tls: bool = Field(default=False, description="Go over to TLS on the plain port (StartTLS).")
    ca_file: str | None = Field(
        default=None,
        description="A PEM file with the certificates that vouch for the directory; default: the system's.",
    )
    user: str | None = Field(
        default=None,
        description="Whom to log in as, from the form's fields: `uid={user},ou=people,dc=example,dc=org`, "
        "`DOMAIN\\{user}` or `{user}@example.org`. Not with `bind`.",
    )
    password: str = Field(default="{password}", description="The password, from the form's fields.")
    bind: Bind | None = Field(
        default=None, description="`{user, password}` of an account that finds people's entries by `search`."
    )
    search: Search | None = Field(default=None, description="`{base, filter}`: how somebody's entry is found.")
    timeout: Seconds = Field(default=10, gt=0, description="Seconds that the directory has for one log-in.")


class LDAPAuth(AuthHandler):
    """A log-in page for the users of a directory."""

    options_model = LDAPOptions

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        options: LDAPOptions = self.options
        if find_spec("ldaptor") is None:
            raise setup.error("needs ldaptor; run: pip install 'gramex-twisted[ldap]'", "host")
        self.directory = Directory(self.services.reactor, self._server(options), options.timeout)
        try:
            self.users = LDAPUsers(
                self.directory,
                user=options.user,
                password=options.search.password if options.bind and options.search else options.password,
                bind=options.bind,
                search=options.search,
            )
        except ValueError as error:
            raise setup.error(str(error), *(("search",) if options.search else ("user",))) from None
        self.form = PasswordForm(self.users.names[0], names_in(self.users.password)[0])

    def _server(self, options: LDAPOptions) -> Server:
        if options.use_ssl and options.start_tls:
            raise self.setup.error("is for plain ports: use either this or use_ssl", "start_tls")
        security = "ssl" if options.use_ssl else "start_tls" if options.start_tls else ""
        if not security and options.host not in ("localhost", "127.0.0.1", "::1"):
            log.warn(
                "{where}: passwords travel in clear text: set use_ssl or start_tls", where=self.setup.where("host")
            )
        trusted = Path(self.services.root, options.ca_file) if options.ca_file else None
        server = Server(options.host, options.port or (636 if options.use_ssl else 389), security, trusted)
        try:
            server.tls()
        except OSError as error:
            raise self.setup.error(f"cannot read {options.ca_file}: {error.strerror}", "ca_file") from None
        except ValueError:
            raise self.setup.error(f"cannot use {options.ca_file}: it has no certificate in PEM", "ca_file") from None
        return server

    async def get(self, context: Context) -> Any:
        """The log-in page."""
        context.save_redirect_page()
        return await self.page(context, self.form.page())

    async def post(self, context: Context) -> Any:
        """Sign in and leave, or show the page again."""
        user, _ = self.form.read(context)
        name = " ".join(user.split()).casefold()  # directories know people by all of its spellings
        self.delays.admit(name, context.request.remote_ip)
        values = {field: str(context.get_arg(field, "")) for field in self.users.names}
        try:
            found = await self._found(values)
        except SignInError as error:
            log.error("{route}: nobody is signed in: {error}", route=self.name, error=str(error))
            return await self.page(context, self._unavailable(user, error))
        if isinstance(found, str):
            log.info("{route}: {user!r} is refused: {reason}", route=self.name, user=name[:100], reason=found)
            return await self.refuse(context, self.form.page(user, WRONG), name)
        await self.sign_in(context, found)
        await self.delays.succeeded(name)
        return self.leave(context)

    async def _found(self, values: Mapping[str, str]) -> dict[str, Any] | str:
        if not all(values.values()):
            return "a field is empty"  # an empty password would bind as nobody, which many servers call right
        if any(len(value) > LONGEST or "\0" in value for value in values.values()):
            return "a field is too long, or has a NUL"
        return await self.users.find(values)

    def _unavailable(self, user: str, error: SignInError) -> Page:
        page = self.form.page(user)
        return Page(page.title, page.fields, page.button, error=error.message, status=error.status)
