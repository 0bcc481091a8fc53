"""The pages and the mail of EMailAuth."""

from __future__ import annotations

from gramex_twisted.resources.auth.pages import Field, Page

SUBJECT = "{password} is your code"
TEXT = """Your code is {password}

It works once, for {minutes} minutes. If you did not ask for it, there is nothing to do.
"""


class CodeForm:
    """Asks for an address, then for the code that was mailed there.

    :param user: the field of the address.
    :param password: the field of the code.
    :param size: digits of a code.
    """

    def __init__(self, user: str, password: str, size: int) -> None:
        self.user = user
        self.password = password
        self.size = size

    def address(self, user: str = "", error: str = "", status: int = 400) -> Page:
        """The page that asks for an address."""
        field = Field(self.user, "Email address", "email", "email", value=user, extra={"spellcheck": "false"})
        return Page(
            title="Log in",
            intro="We mail you a code. There is no password to remember.",
            fields=(field,),
            button="Mail me a code",
            error=error,
            code="not-sent",
            status=status if error else 200,
            action="?",
        )

    def code(self, user: str, *, code: str = "", error: str = "", notice: str = "") -> Page:
        """The page that asks for the code; with a ``code``, it only has to be sent."""
        extra = {"inputmode": "numeric", "maxlength": str(self.size + 4), "spellcheck": "false"}
        field = Field(self.password, "Code", autocomplete="one-time-code", value=code, extra=extra)
        return Page(
            title="Enter your code",
            fields=(field,),
            button="Log in",
            error=error,
            notice=notice,
            code="wrong-pw",
            status=401 if error else 200,
            action="?",
            hidden={self.user: user},
            links=(("?", "Ask for another code"),),
        )
