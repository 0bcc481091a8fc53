"""The form that asks for a name and a password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.auth.pages import Field, Page

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context


class PasswordForm:
    """The log-in form. ``user`` and ``password`` are the names of its fields."""

    def __init__(
        self, user: str, password: str, *, label: str = "User name", links: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self.user = user
        self.password = password
        self.label = label
        self.links = links

    def page(self, user: str = "", error: str = "", notice: str = "", action: str = "") -> Page:
        """The log-in page: after a failed attempt by ``user``, where ``error`` says so.

        :param action: where the form is sent, if not to where it came from.
        """
        extra = {"autocapitalize": "none", "spellcheck": "false"}
        return Page(
            title="Log in",
            fields=(
                Field(self.user, self.label, autocomplete="username", value=user, extra=extra),
                Field(self.password, "Password", "password", "current-password"),
            ),
            button="Log in",
            error=error,
            notice=notice,
            action=action,
            status=401 if error else 200,
            links=self.links,
        )

    def read(self, context: Context) -> tuple[str, str]:
        """The name and the password that were sent; empty where they were not.

        :raises HTTPError: 400 for a password in the URL, which is written to logs and histories.
        """
        if self.password in context.request.query_arguments:
            raise HTTPError(400, f"send the {self.password} in the form, not in the URL")
        return context.get_arg(self.user, ""), context.get_arg(self.password, "")
