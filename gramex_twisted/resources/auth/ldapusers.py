"""Who somebody is in a directory, by name and password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gramex_twisted.resources.auth.asking import SignInError
from gramex_twisted.resources.auth.directory import UNREACHABLE, Directory, Entry
from gramex_twisted.resources.auth.ldapfilter import FilterTemplate, escape_dn, filled, is_dn, names_in

if TYPE_CHECKING:
    from gramex_twisted.resources.auth.ldap import Bind, Search
    from gramex_twisted.resources.auth.ldapwire import Connection

Values = Mapping[str, str]
User = dict[str, Any]

#: Attributes that no user gets, in lower case.
SECRET = frozenset(
    {"userpassword", "unicodepwd", "krbprincipalkey", "sambantpassword", "sambalmpassword", "pwdhistory"}
)
#: Names that attributes do not replace.
_OURS = frozenset({"id", "user", "dn", "attributes"})
_ANY = FilterTemplate("(objectClass=*)")


class LDAPUsers:
    """The users of a directory. They bind themselves as ``user``, or are found by ``bind`` and ``search`` first.

    :param password: the template of the password.
    :raises ValueError: for options that do not go together.
    """

    def __init__(
        self, directory: Directory, *, user: str | None, password: str, bind: Bind | None, search: Search | None
    ) -> None:
        self.directory = directory
        self.user = user or ""
        self.password = password
        self.bind = bind
        self.search = search
        self.filter = FilterTemplate(search.filter) if search else _ANY
        if bind is not None and search is None:
            raise ValueError("bind needs search: {base, filter}, to find people by")
        if bind is None and not names_in(self.user):
            raise ValueError("needs a template such as uid={user},dc=example,dc=org, or else bind and search")
        who = self.filter.names if bind else names_in(self.user)
        if not who:
            raise ValueError("filter: needs a field, as in (mail={user})")
        if len(names_in(password)) != 1:
            raise ValueError("password: needs one field, as in '{password}'")
        #: The fields of the form, that of the user first.
        self.names = tuple(dict.fromkeys((*who, *self.filter.names, *names_in(password))))

    async def find(self, values: Values) -> User | str:
        """The user whom ``values`` name and prove to be; otherwise why there is none, for the log.

        :param values: none of them empty.
        :raises SignInError: when the directory cannot say.
        """
        return await self.directory.talk(lambda connection: self._find(connection, values))

    async def _find(self, connection: Connection, values: Values) -> User | str:
        password = filled(self.password, values)
        if self.bind is not None:
            refused = await connection.bind(self.bind.user, self.bind.password)
            if refused:
                raise SignInError(502, UNREACHABLE, f"the directory refuses bind.user {self.bind.user!r}: {refused}")
            entry = await self._entry(connection, values)
            refused = entry if isinstance(entry, str) else await connection.bind(entry.dn, password)
            return refused or self._user(entry)
        named = is_dn(self.user)
        name = filled(self.user, values, escape_dn if named else str)
        refused = await connection.bind(name, password)
        if refused:
            return refused
        if self.search is None:
            name = await self._own_name(connection, name) if named else name
            return {"id": name, "user": name}
        entry = await self._entry(connection, values)
        return entry if isinstance(entry, str) else self._user(entry)

    async def _own_name(self, connection: Connection, name: str) -> str:
        """``name`` as the directory writes it, where that lets people see their own entry."""
        try:
            found = await connection.search(name, _ANY.wire({}), ["1.1"], own=True)
        except SignInError:
            return name
        return found[0].dn if found else name

    async def _entry(self, connection: Connection, values: Values) -> Entry | str:
        assert self.search is not None
        wanted = [*self.search.attributes, *names_in(self.search.user or "")] if self.search.attributes else ["*"]
        found = await connection.search(self.search.base, self.filter.wire(values), wanted)
        if len(found) != 1:
            return "no entry matches the filter" if not found else "several entries match the filter"
        return found[0]

    def _user(self, entry: Entry | str) -> User:
        assert self.search is not None
        assert isinstance(entry, Entry)
        attributes = texts_of(entry)
        first = {name.lower(): values[0] for name, values in attributes.items() if values}
        asked = {name.lower(): name for name in self.search.attributes if name.lower() not in _OURS}
        found = {
            asked[name.lower()]: values[0] if len(values) == 1 else values
            for name, values in attributes.items()
            if name.lower() in asked
        }
        uid = entry.dn
        if self.search.user:
            try:
                uid = filled(self.search.user, {name: first[name.lower()] for name in names_in(self.search.user)})
            except KeyError as error:
                raise SignInError(502, UNREACHABLE, f"{entry.dn} has no {error}, which search.user needs") from None
        return {**found, "id": uid, "user": uid, "dn": entry.dn, "attributes": attributes}


def texts_of(entry: Entry) -> dict[str, list[str]]:
    """The attributes of ``entry`` that are text, and no secrets."""
    found: dict[str, list[str]] = {}
    for name, values in entry.attributes:
        if name.partition(";")[0].lower() in SECRET:
            continue
        try:
            found[name] = [value.decode("utf-8") for value in values]
        except UnicodeDecodeError:
            continue  # a picture, a certificate: nothing for a session
    return found
