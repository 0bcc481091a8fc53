"""SimpleAuth: users and passwords in gramex.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from gramex_twisted.resources.auth.base import WRONG, AuthHandler
from gramex_twisted.resources.auth.hashes import same
from gramex_twisted.resources.auth.options import AuthOptions, PasswordArg, UserArg
from gramex_twisted.resources.auth.pages import Page
from gramex_twisted.resources.auth.passwordform import PasswordForm
from gramex_twisted.resources.auth.passwords import Passwords, is_argon2, need_argon2
from gramex_twisted.resources.base import Setup

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context


class SimpleOptions(AuthOptions):
    """Users and passwords in the configuration."""

    credentials: dict[str, Any] = Field(
        default={},
        description="User -> password, or user -> `{password, email, role, ...}`, where all but the password becomes "
        "`handler.current_user`. A password is text or, better, an argon2 hash: `gramex-twisted hash` prints one.",
    )
    data: dict[str, Any] = Field(default={}, description="Another name of `credentials`.")
    user: UserArg = Field(default=UserArg(), description="`{arg: user}`: the form's field of the user's name.")
    password: PasswordArg = Field(default=PasswordArg(), description="`{arg: password}`: the form's field.")


class SimpleAuth(AuthHandler):
    """A log-in page for the users that its configuration names."""

    options_model = SimpleOptions

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        options: SimpleOptions = self.options
        self.form = PasswordForm(options.user.arg, options.password.arg)
        self.known: dict[str, tuple[str, Mapping[str, Any]]] = {}
        for key in ("data", "credentials"):
            for user, entry in getattr(options, key).items():
                self.known[str(user)] = self._entry(entry, key, str(user)), _attributes(str(user), entry)
        hashes = [stored for stored, _ in self.known.values() if is_argon2(stored)]
        self.passwords: Passwords | None = None
        if hashes:
            need_argon2(setup.where("credentials"))
            self.passwords = Passwords(self.services.hashing, nobody=hashes[0])
        self.nobody = hashes[0] if hashes else ""

    def _entry(self, entry: Any, *keys: str) -> str:
        stored = entry.get("password") if isinstance(entry, Mapping) else entry
        if stored is None or stored == "" or isinstance(stored, (bool, list, dict)):
            raise self.setup.error("needs a password: text, or what `gramex-twisted hash` prints", *keys)
        return str(stored)

    async def get(self, context: Context) -> Any:
        """The log-in page."""
        context.save_redirect_page()
        return await self.page(context, self.form.page())

    async def post(self, context: Context) -> Any:
        """Sign in and leave, or show the page again."""
        user, password = self.form.read(context)
        address = context.request.remote_ip
        self.delays.admit(user, address)
        stored, attributes = self.known.get(user, (None, {}))
        if await self._right(user, password, stored) and user and password:
            await self.sign_in(context, attributes, id="id")
            await self.delays.succeeded(user)
            return self.leave(context)
        page: Page = self.form.page(user, WRONG)
        return await self.refuse(context, page, user, known=stored is not None)

    async def _right(self, user: str, password: str, stored: str | None) -> bool:
        if self.passwords is None:
            return same(password, stored or "") and stored is not None
        # Where some passwords are hashes, every attempt costs one, or those who have none would be told apart.
        if stored is None or is_argon2(stored):
            return await self.passwords.check(user, password, stored)
        await self.passwords.check(user, password, None)
        return same(password, stored)


def _attributes(user: str, entry: Any) -> Mapping[str, Any]:
    extra = {key: value for key, value in entry.items() if key != "password"} if isinstance(entry, Mapping) else {}
    return {"user": user, **extra, "id": extra.get("user", user)}
