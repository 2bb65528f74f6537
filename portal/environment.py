"""Reads the configuration from environment variables and stops the start when a value is wrong."""

import contextlib
import os
import re
import tempfile
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import environ
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email
from django.utils.crypto import get_random_string

SECRET_KEY_LENGTH = 50
# How sure a client of MySQL wants to be of its server, as `ssl_mode` of its address.
TLS_MODES = ("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")


def misconfigured(name: str, sentence: str) -> NoReturn:
    """Stop this process with one sentence that names the variable.

    `SystemExit` and not an exception: web server, worker and command then all end with the
    sentence alone, without a traceback that hides it.
    """
    raise SystemExit(f"Veripix cannot start: {name} {sentence}")


class Environment:
    """Typed readers over one mapping of environment variables.

    A variable that is absent or empty takes its default; a reader without a default demands it.
    """

    def __init__(self, variables: dict[str, str] | None = None) -> None:
        self._env = environ.Env()
        if variables is not None:
            self._env.ENVIRON = variables

    def has(self, name: str) -> bool:
        """Tell whether the variable is set to anything but the empty string."""
        return bool(self._env.ENVIRON.get(name, "").strip())

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text."""
        if self.has(name):
            return str(self._env.str(name)).strip()
        if default is None:
            misconfigured(name, "is not set, and this installation needs it.")
        return default

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a truth value; only the usual words are taken."""
        words = {"true": True, "1": True, "yes": True, "on": True}
        words |= {"false": False, "0": False, "no": False, "off": False}
        word = self.text(name, str(default)).lower()
        if word not in words:
            misconfigured(name, f"must be true or false. Received: {word!r}.")
        return words[word]

    def number(self, name: str, *, default: int, least: int = 1, most: int = 10**9) -> int:
        """Return a whole number between `least` and `most`."""
        word = self.text(name, str(default))
        try:
            value = int(word)
        except ValueError:
            misconfigured(name, f"must be a whole number. Received: {word!r}.")
        if not least <= value <= most:
            misconfigured(name, f"must lie between {least} and {most}. Received: {value}.")
        return value

    def decimal(self, name: str, *, default: float, least: float, most: float) -> float:
        """Return a number between `least` and `most`; `nan` and `inf` are none."""
        word = self.text(name, str(default))
        try:
            value = float(word)
        except ValueError:
            misconfigured(name, f"must be a number. Received: {word!r}.")
        if not least <= value <= most:
            misconfigured(name, f"must lie between {least:g} and {most:g}. Received: {word}.")
        return value

    def words(self, name: str, default: list[str] | None = None) -> list[str]:
        """Return a comma-separated list without empty entries."""
        if not self.has(name) and default is not None:
            return default
        return [word.strip() for word in self.text(name).split(",") if word.strip()]

    def age_keys(self, name: str) -> list[str]:
        """Return public keys of age; there may be none."""
        for word in self.words(name, default=[]):
            if not re.fullmatch(r"age1[02-9ac-hj-np-z]{58}", word):
                misconfigured(
                    name, "must hold public keys as `age-keygen` prints them, such as age1...."
                )
        return self.words(name, default=[])

    def ports(self, name: str, default: frozenset[int]) -> frozenset[int]:
        """Return the numbers of TCP ports."""
        found = set()
        for word in self.words(name, default=[str(port) for port in default]):
            if not (word.isascii() and word.isdigit() and 0 < int(word) < 1 << 16):
                misconfigured(name, f"must hold ports between 1 and 65535. Received: {word!r}.")
            found.add(int(word))
        return frozenset(found)

    def networks(self, name: str) -> tuple[IPv4Network | IPv6Network, ...]:
        """Return networks such as 10.1.0.0/16; none by default."""
        found = []
        for word in self.words(name, default=[]):
            try:
                found.append(ip_network(word))
            except ValueError:
                misconfigured(name, f"must hold networks such as 10.1.0.0/16, not {word!r}.")
        return tuple(found)

    def quotas(self, name: str) -> dict[str, int | None]:
        """Return limits by whom they are for; `None` is without limit, and so is who has none.

        `2000,staff:unlimited,group:newsroom:20000` gives everybody 2000, staff no limit, and the
        members of the group "newsroom" 20000.
        """
        limits: dict[str, int | None] = {}
        for word in self.words(name, default=[]):
            kind, _, limit = word.rpartition(":")
            is_known = kind in ("", "staff") or (kind.startswith("group:") and kind != "group:")
            if not is_known or not (limit == "unlimited" or (limit.isascii() and limit.isdigit())):
                misconfigured(
                    name,
                    "must be a number or unlimited, for some as staff:… or group:<name>:…. "
                    f"Received: {word!r}.",
                )
            limits[kind or "everybody"] = None if limit == "unlimited" else int(limit)
        return limits

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        """Return one of the allowed words."""
        word = self.text(name, default)
        if word not in allowed:
            misconfigured(name, f"must be one of {', '.join(allowed)}. Received: {word!r}.")
        return word

    def time_zone(self, name: str, default: str) -> str:
        """Return the name of a time zone that this machine knows."""
        zone = self.text(name, default)
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            misconfigured(name, f"must be a time zone such as Europe/Berlin. Received: {zone!r}.")
        return zone

    def origins(self, name: str) -> list[str]:
        """Return a list of origins, each with its scheme; empty by default."""
        origins = self.words(name, default=[])
        for origin in origins:
            if not origin.startswith(("http://", "https://")):
                misconfigured(name, f"must hold origins with http:// or https://, not {origin!r}.")
        return origins

    def mailbox(self, name: str, default: str) -> str:
        """Return an e-mail address, in lower case."""
        address = self.text(name, default).lower()
        try:
            validate_email(address)
        except ValidationError:
            misconfigured(name, f"must be an e-mail address. Received: {address!r}.")
        return address

    def folder(self, name: str, default: Path, *, is_private: bool = True) -> Path:
        """Return the absolute path of a folder, made if need be: for this user alone or for all."""
        path = Path(self.text(name, str(default))).expanduser().absolute()
        try:
            path.mkdir(mode=0o700 if is_private else 0o755, parents=True, exist_ok=True)
        except OSError as error:
            misconfigured(name, f"is not a folder that can be made: {error.strerror}: {path}.")
        return path

    def path(self, name: str, default: Path) -> Path:
        """Return the absolute path of a file, which may not be there yet."""
        return Path(self.text(name, str(default))).expanduser().absolute()

    def url(self, name: str, schemes: tuple[str, ...], default: str | None = None) -> str:
        """Return an address with one of the schemes; its password is never repeated in errors."""
        address = self.text(name, default)
        try:
            parts = urlsplit(address)
            parts.port  # noqa: B018 - reading it validates it
        except ValueError:
            # Not the error's own words: they quote what stands where a port should, and after a
            # slash in the password that is the password.
            misconfigured(
                name,
                "is not an address such as scheme://user:password@host:port/name; in a password, "
                "characters such as / ? # are written %2F %3F %23.",
            )
        if parts.scheme not in schemes:
            wanted = " or ".join(f"{scheme}://" for scheme in schemes)
            misconfigured(name, f"must begin with {wanted}. Received: {parts.scheme}://….")
        return address

    def database(self, name: str) -> dict[str, Any]:
        """Return Django's settings for the database at an address such as mysql://…"""
        address = self.url(name, ("mysql", "sqlite"))
        config = self._parsed(name, lambda: self._env.db_url_config(address))
        if not config.get("NAME"):
            misconfigured(name, "names no database after the host.")
        if config["ENGINE"].endswith("mysql"):
            config["OPTIONS"] = self._mysql_tls(name, dict(config.get("OPTIONS", {})))
        return config

    def _mysql_tls(self, name: str, options: dict[str, Any]) -> dict[str, Any]:
        """Give the driver what the address says of TLS: ssl_mode, ssl_ca, ssl_cert, ssl_key.

        A certificate of an authority means that the server must be the one it vouches for.
        """
        files = {key: options.pop(f"ssl_{key}", "") for key in ("ca", "cert", "key")}
        given = {key: path for key, path in files.items() if path}
        for key, path in given.items():
            if not Path(path).is_file():
                misconfigured(name, f"names a file that is not there by ssl_{key}.")
        default = "VERIFY_IDENTITY" if "ca" in given else ""
        mode = str(options.pop("ssl_mode", default)).upper()
        if mode and mode not in TLS_MODES:
            misconfigured(name, f"takes an ssl_mode of {', '.join(TLS_MODES)}.")
        if mode.startswith("VERIFY") and "ca" not in given:
            misconfigured(name, f"asks for ssl_mode={mode} without ssl_ca, by which to verify.")
        return options | ({"ssl_mode": mode} if mode else {}) | ({"ssl": given} if given else {})

    def email(self, name: str) -> dict[str, Any]:
        """Return Django's e-mail settings for an address such as smtp+tls://user:pw@host:587."""
        schemes = ("smtp", "smtps", "smtp+tls", "smtp+ssl", "consolemail", "filemail", "dummymail")
        address = self.url(name, schemes)
        config = self._parsed(name, lambda: self._env.email_url_config(address))
        if config.get("EMAIL_PORT") is None:
            ports = {"EMAIL_USE_TLS": 587, "EMAIL_USE_SSL": 465}
            config["EMAIL_PORT"] = next((ports[key] for key in ports if config.get(key)), 25)
        return config

    def _parsed(self, name: str, parse: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return dict(parse())
        except (ImproperlyConfigured, ValueError, KeyError):
            misconfigured(name, "is not an address that can be understood.")


def celery_address(redis: str) -> str:
    """Return a Redis address as Celery knows it: one behind a socket file has another scheme."""
    return redis.replace("unix://", "redis+socket://", 1)


def certificate_files(database: dict[str, Any], redis: str, web: str) -> list[str]:
    """Return the certificates that TLS to the servers needs: their end would be an outage.

    Args:
        database: Django's settings for it.
        redis: Its address.
        web: The folder with the web service's own certificate, where it speaks TLS.
    """
    ours = database.get("OPTIONS", {}).get("ssl", {})
    theirs = parse_qs(urlsplit(redis).query)
    files = [ours.get("ca"), ours.get("cert")]
    files += [*theirs.get("ssl_ca_certs", ()), *theirs.get("ssl_certfile", ())]
    files += [str(Path(web) / "server.crt")] if web else []
    return list(dict.fromkeys(filter(None, files)))


def kept_secret(path: Path) -> str:
    """Return the secret in the file, made on first use and readable by this user alone."""
    try:
        if not path.exists():
            _write_once(path, get_random_string(SECRET_KEY_LENGTH))
        return path.read_text(encoding="ascii")
    except OSError as error:
        misconfigured("SECRET_KEY", f"is not set and cannot be kept in {path}: {error.strerror}.")


def _write_once(path: Path, text: str) -> None:
    """Write a whole file or none; of several starting processes the first one decides."""
    draft, name = tempfile.mkstemp(dir=path.parent)  # readable by its owner only
    try:
        with os.fdopen(draft, "w", encoding="ascii") as file:
            file.write(text)
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()
