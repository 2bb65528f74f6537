"""Every connection of an installation is TLS: proxy, web, database, broker and storage.

The servers refuse whoever speaks anything else, and the programs refuse servers that another
authority vouches for.
"""

import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import MySQLdb
import pytest
import requests

from portal.certificates import certificates_ensure
from tests.data import drawn_image
from tests.installation import ROOT, Installation, clean_environment, server_variables
from tests.servers import (
    S3,
    MariaDB,
    Redis,
    free_port,
    mariadb_server,
    program,
    redis_server,
    running,
    s3_server,
    wait_until_up,
)
from tests.visitor import Visitor

pytestmark = pytest.mark.services

SITE = "localhost"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificates that compose makes, and one for the proxy."""
    folder = tmp_path_factory.mktemp("tls")
    assert certificates_ensure(folder, ["mysql", "redis", "web", "storage", "site"])
    return folder


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of another authority."""
    folder = tmp_path_factory.mktemp("stranger")
    certificates_ensure(folder, ["mysql"])
    return folder / "ca" / "ca.crt"


@pytest.fixture(scope="module")
def database(tls: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    """A MariaDB as compose starts MySQL: no connection without TLS."""
    own = tls / "mysql"
    options = [f"--ssl-ca={own / 'ca.crt'}", f"--ssl-cert={own / 'server.crt'}"]
    options += [f"--ssl-key={own / 'server.key'}", "--require-secure-transport=ON"]
    with mariadb_server(tmp_path_factory.mktemp("mariadb-tls"), options) as server:
        yield server


@pytest.fixture(scope="module")
def broker(tls: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A Redis as compose starts it: TLS on its one port."""
    own = tls / "redis"
    options = ["--tls-ca-cert-file", str(own / "ca.crt"), "--tls-auth-clients", "no"]
    options += ["--tls-cert-file", str(own / "server.crt")]
    options += ["--tls-key-file", str(own / "server.key")]
    with redis_server(tmp_path_factory.mktemp("redis-tls"), tls=options) as server:
        yield server


@pytest.fixture(scope="module")
def storage(tls: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """An S3 that speaks TLS alone."""
    with s3_server(tmp_path_factory.mktemp("s3-tls"), tls=tls / "storage") as server:
        yield server


def variables_of(
    folder: Path, static_root: Path, database: MariaDB, broker: Redis, storage: S3, ca: Path
) -> dict[str, str]:
    variables = server_variables(folder, static_root, database, broker)
    secure = broker.new_url().replace("redis://", "rediss://")
    return variables | {
        "DATABASE_URL": f"{variables['DATABASE_URL']}?ssl_ca={ca}",
        "REDIS_URL": f"{secure}?ssl_cert_reqs=required&ssl_ca_certs={ca}",
        "STORAGE_URL": storage.url(storage.new_bucket()),
        "HTTPS": "true",
        "TRUST_PROXY": "true",
        "ALLOWED_HOSTS": SITE,
    }


class Secured(Installation):
    """An installation whose web server speaks TLS, behind the proxy that ships."""

    def __init__(self, folder: Path, variables: dict[str, str], tls: Path) -> None:
        super().__init__(folder, variables)
        self.plain_port = free_port()
        self.ca, own = tls / "ca" / "ca.crt", tls / "web"
        bind = f"--bind=127.0.0.1:{self.port}"
        files = f"--certfile={own / 'server.crt'} --keyfile={own / 'server.key'}"
        self._variables["GUNICORN_CMD_ARGS"] = f"{bind} {files}"
        self.site = ""

    def is_ready(self) -> bool:
        """Whether the web server says yes, by TLS and with a certificate of this authority."""
        assert self._processes["web"].poll() is None, self.log("web")[-3000:]
        address = f"https://localhost:{self.port}/health/ready/"
        try:
            return requests.get(address, timeout=5, verify=str(self.ca)).ok
        except requests.ConnectionError:
            return False

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Read from the database, by TLS as well."""
        parts = urlsplit(self.environment["DATABASE_URL"])
        connection = MySQLdb.connect(
            host=parts.hostname,
            port=parts.port,
            user=parts.username,
            passwd=parts.password,
            db=parts.path.lstrip("/"),
            autocommit=True,
            ssl_mode="VERIFY_IDENTITY",
            ssl={"ca": str(self.ca)},
        )
        with closing(connection), connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def visitor(self) -> Visitor:
        """Somebody who comes by the proxy."""
        visitor = Visitor(self.site, self.mail_folder)
        # A list of authorities that the machine names by a variable would win over it.
        visitor.session.trust_env, visitor.session.verify = False, str(self.ca)
        return visitor


@pytest.fixture(scope="module")
def secured(
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    database: MariaDB,
    broker: Redis,
    storage: S3,
    tls: Path,
) -> Iterator[Secured]:
    """All of it, with the proxy in front."""
    folder = tmp_path_factory.mktemp("secured")
    ca = tls / "ca" / "ca.crt"
    found = variables_of(folder, static_root, database, broker, storage, ca)
    installation = Secured(folder, found, tls)
    installation.prepare()
    try:
        installation.start("web", "inference", "beat")
        with proxy(folder, installation, tls) as site:
            installation.site = site
            yield installation
    finally:
        installation.stop()


class proxy:  # noqa: N801 - a context, read as a word
    """The proxy that ships, with a certificate of the tests."""

    def __init__(self, folder: Path, installation: Secured, tls: Path) -> None:
        self._log, self._port = folder / "proxy.log", free_port()
        own = tls / "site"
        self._environment = {
            **clean_environment(),
            "XDG_DATA_HOME": str(folder / "caddy"),
            "XDG_CONFIG_HOME": str(folder / "caddy"),
            "PROXY_SITE": SITE,
            "PROXY_TLS": f"tls {own / 'server.crt'} {own / 'server.key'}",
            "PROXY_HTTP_PORT": str(installation.plain_port),
            "PROXY_HTTPS_PORT": str(self._port),
            "PROXY_WEB": f"https://127.0.0.1:{installation.port}",
            "PROXY_CA": str(tls / "ca" / "ca.crt"),
        }

    def __enter__(self) -> str:
        """Start it; the address of the site."""
        command = [program("caddy"), "run", "--config", str(ROOT / "deploy" / "Caddyfile")]
        wrapped = ["env", *(f"{k}={v}" for k, v in self._environment.items()), *command]
        self._running = running(wrapped, self._log)
        process = self._running.__enter__()
        wait_until_up(process, self._port, self._log)
        return f"https://{SITE}:{self._port}"

    def __exit__(self, *error: Any) -> None:
        """End it."""
        self._running.__exit__(*error)


def test_a_verdict_comes_about_by_tls_from_end_to_end(secured: Secured) -> None:
    visitor = secured.visitor().sign_up("tls@example.org")
    submission = visitor.submit(
        {"one.png": drawn_image((32, 32)), "two.png": drawn_image((64, 64))}
    )
    assert secured.wait_until_ended(submission) == ["finished"] * 2
    (link, *_) = visitor.analysis_links(submission)
    page = visitor.get(link)
    assert page.ok, page.text
    picture = re.search(r'src="(/images/[0-9a-f]+/preview/)"', page.text)
    assert picture
    assert visitor.get(picture[1]).content.startswith(b"RIFF"), "out of the storage"


def test_the_proxy_says_who_asks_and_hides_what_answers(secured: Secured) -> None:
    forged = {"X-Forwarded-For": "203.0.113.7", "X-Request-ID": "f" * 32}
    answer = requests.get(
        f"{secured.site}/accounts/login/", headers=forged, verify=str(secured.ca), timeout=20
    )
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert answer.headers["X-Request-ID"] != "f" * 32
    cookies = answer.raw.headers.getlist("Set-Cookie")
    assert cookies
    assert all("secure" in cookie.lower() for cookie in cookies)


def test_whoever_comes_without_tls_is_led_to_it(secured: Secured) -> None:
    plain = f"http://{SITE}:{secured.plain_port}/guide/?a=b"
    answer = requests.get(plain, allow_redirects=False, timeout=20)
    assert answer.status_code in (301, 308)
    assert answer.headers["Location"].startswith(f"https://{SITE}")


@pytest.mark.parametrize("server", ["web", "database", "broker", "storage"])
def test_no_server_answers_without_tls(
    server: str, secured: Secured, database: MariaDB, broker: Redis, storage: S3
) -> None:
    if server == "database":
        # With TLS the same name and password are good, as all other tests here show.
        with pytest.raises(MySQLdb.OperationalError):
            MySQLdb.connect(host="127.0.0.1", port=database.port, user="veripix", passwd="secret")
        return
    port = {"web": secured.port, "broker": broker.port, "storage": storage.port}[server]
    answer = b""
    with (
        suppress(ConnectionResetError),
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
    ):
        plain.sendall(b"PING\r\n" if server == "broker" else b"GET / HTTP/1.0\r\n\r\n")
        answer = plain.recv(64)
    assert not answer.startswith((b"+PONG", b"HTTP/1.1 2", b"HTTP/1.0 2"))


def test_connections_of_the_programs_are_encrypted(secured: Secured, database: MariaDB) -> None:
    # As many as there are, each with a cipher; and none that came by a plain socket.
    told = database.execute(
        "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS"
        " WHERE VARIABLE_NAME = 'SSL_FINISHED_ACCEPTS'"
    )
    assert int(told) >= 3


@pytest.mark.parametrize("what", ["DATABASE_URL", "REDIS_URL", "STORAGE_URL"])
def test_a_server_that_another_authority_vouches_for_is_refused(
    what: str, secured: Secured, stranger: Path
) -> None:
    changed = {what: re.sub(r"(ca(?:_certs)?)=[^&]+", rf"\1={stranger}", secured.environment[what])}
    assert str(stranger) in changed[what]
    asked = {
        "DATABASE_URL": "from django.db import connection; connection.ensure_connection()",
        "REDIS_URL": "from django.core.cache import cache; cache.get('x')",
        "STORAGE_URL": "from django.core.files.storage import default_storage as s; s.check()",
    }[what]
    for variables, is_refused in ((changed, True), ({}, False)):
        done = subprocess.run(
            [sys.executable, "manage.py", "shell", "--no-imports", "--command", asked],
            cwd=ROOT,
            env={**secured.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) is is_refused, done.stderr[-2000:]


def test_the_broker_is_refused_alike(secured: Secured, stranger: Path) -> None:
    asked = (
        "from portal.celery import app\n"
        "with app.connection_for_write() as c:\n"
        "    c.ensure_connection(max_retries=0, timeout=5)"
    )
    address = secured.environment["REDIS_URL"].replace(str(secured.ca), str(stranger))
    for url, is_refused in ((address, True), (secured.environment["REDIS_URL"], False)):
        done = subprocess.run(
            [sys.executable, "manage.py", "shell", "--no-imports", "--command", asked],
            cwd=ROOT,
            env={**secured.environment, "REDIS_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) is is_refused, done.stderr[-2000:]


def test_slow_senders_are_ended_behind_tls_too(secured: Secured) -> None:
    context = ssl.create_default_context(cafile=str(secured.ca))
    with (
        socket.create_connection(("localhost", secured.port), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as slow,
    ):
        slow.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        # Nothing more comes: the portal ends it, and this read with it, in good order or not.
        try:
            answer = slow.recv(1)
        except ssl.SSLError:
            answer = b""
        assert answer == b""
