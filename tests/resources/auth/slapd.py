"""A private OpenLDAP server for tests, with a few people in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.certificates import make_certificate
from tests.servers import PrivateServer, free_port

SCHEMAS = Path("/etc/ldap/schema")
ADMIN, READER = "cn=admin,dc=example,dc=org", "cn=reader,dc=example,dc=org"
PEOPLE = """
dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: cn=reader,dc=example,dc=org
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: readerpass

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: uid=alpha,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: alpha
cn: Alpha One
sn: One
mail: alpha@example.org
mail: first@example.org
employeeNumber: 7
userPassword: alphapass
jpegPhoto:: /9j/4AAQ/w==

dn: uid=beta,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: beta
cn:: QsOpdGE=
sn: Two
mail: beta@example.org
employeeNumber: 8
userPassword: betapass

dn: uid=twin,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: twin
cn: Twin
sn: Twin
mail: beta@example.org
userPassword: twinpass

dn: uid=o\\,dd \\2a(x)\\5c,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: o,dd *(x)\\
cn: Odd
sn: Odd
userPassword: oddpass
"""
#: It binds whoever comes without a password, as many servers do, to prove that nobody gets here without one.
CONFIG = """
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/inetorgperson.schema
moduleload /usr/lib/ldap/back_mdb
allow bind_anon_cred bind_anon_dn
TLSCertificateFile {folder}/directory.crt
TLSCertificateKeyFile {folder}/directory.key
access to attrs=userPassword by anonymous auth by * none
access to * by users read by anonymous auth
database mdb
suffix dc=example,dc=org
rootdn cn=admin,dc=example,dc=org
rootpw adminpass
maxsize 10485760
directory {folder}/data
"""


class Slapd(PrivateServer):
    """OpenLDAP on ``port``, and with TLS on ``tls_port``. ``certificate`` vouches for it as localhost."""

    program, package = "slapd", "slapd"
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.tls_port = free_port()
        self.certificate, _ = make_certificate(folder, "directory")
        (folder / "data").mkdir()
        (folder / "slapd.conf").write_text(CONFIG.format(folder=folder, schemas=SCHEMAS))
        (folder / "people.ldif").write_text(PEOPLE)
        add = [self._found("slapadd"), "-q", "-f", "slapd.conf", "-l", "people.ldif"]
        subprocess.run(add, cwd=folder, check=True, capture_output=True)

    @classmethod
    def of(cls, test: SynchronousTestCase) -> Self:
        """A server that runs as long as ``test``. Skips it where there is no slapd, unless CI is set."""
        if shutil.which(cls.program, path=cls.path) is None:
            if os.environ.get("CI") != "true":
                raise SkipTest(f"{cls.program} is not there: apt-get install {cls.package}")
            raise AssertionError(f"{cls.program} is missing: apt-get install {cls.package}")
        test.patch(cls, "program", cls._found(cls.program))
        return super().of(test)

    @classmethod
    def _found(cls, program: str) -> str:
        return shutil.which(program, path=cls.path) or program

    def command(self) -> list[str]:
        """What starts the server."""
        urls = f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.tls_port}"
        return [self.program, "-d", "0", "-f", "slapd.conf", "-h", urls]
