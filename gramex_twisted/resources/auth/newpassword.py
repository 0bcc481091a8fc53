"""The form that asks for a new password, twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gramex_twisted.resources.auth.pages import Field, Page

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context


class NewPassword:
    """``arg`` is the field of the password; the repetition has ``2`` at its end. ``least``: characters."""

    def __init__(self, arg: str, least: int) -> None:
        self.arg = arg
        self.again = f"{arg}2"
        self.least = least

    def fields(self, wrong: str = "") -> tuple[Field, ...]:
        """The two fields; ``wrong`` says what was wrong with what was sent."""
        extra = {"minlength": str(self.least)}
        hint = f"At least {self.least} characters."
        return (
            Field(self.arg, "New password", "password", "new-password", hint=hint, error=wrong, extra=extra),
            Field(self.again, "The same again", "password", "new-password", extra=extra),
        )

    def page(self, title: str, user: str, wrong: str = "", *, before: tuple[Field, ...] = ()) -> Page:
        """The page for ``user``, whom password managers see in a field that cannot be changed."""
        return Page(
            title=title,
            fields=(
                Field("username", "User name", autocomplete="username", value=user, extra={"readonly": "readonly"}),
                *before,
                *self.fields(wrong),
            ),
            button="Set the password",
            error="The password was not set." if wrong else "",
            status=400 if wrong else 200,
        )

    def read(self, context: Context) -> tuple[str, str]:
        """The password and its repetition."""
        return context.get_arg(self.arg, ""), context.get_arg(self.again, "")
