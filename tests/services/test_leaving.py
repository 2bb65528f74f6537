"""Whoever deletes the account leaves nothing: bytes, names, address and ids are searched for.

One of everything is made on a running portal first, as a person makes it.
"""

import contextlib
import io
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests
from PIL import Image, PngImagePlugin

from tests.data import drawn_image
from tests.installation import Installation, running_installation, server_variables
from tests.remains import belongings, in_database, in_files, in_redis
from tests.servers import MariaDB, Redis
from tests.visitor import PASSWORD, Visitor
from tests.waiting import wait_for

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]
PROGRAMS = ("web", "inference", "pictures", "errands", "background", "beat")
# What somebody wrote or handed in, and nobody else has.
MARK = "zqx7leaverf3"
ADMIN, ADMIN_PASSWORD = "keeper@example.org", "correct-horse-battery-8"
# Rows that a person without the rights of staff has not, or not any more at that moment.
NOT_MADE = {
    "account.EmailConfirmation",  # links are signed, and need no rows
    "admin.LogEntry",  # of one's own acts in the panel
    "detection.BatchPiece",  # gone once the batch is unpacked
    "detection.ShadowAnswer",  # where there is a challenger
    "detection.RunNotice",  # of those who train models
    "portal.User_groups",
    "portal.User_user_permissions",
}
# What no page gives to a portal of the tests: a second factor, an act of staff on the account, a
# face and an address to fetch.
THE_REST = """
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from detection.models import Analysis, Face, UrlFetch, Refusal

users = get_user_model().objects
user = users.get(email={email!r})
keeper = users.filter(email={admin!r}).first() or users.create_superuser({admin!r}, {password!r})
confirmed = {{"user": keeper, "email": keeper.email, "verified": True, "primary": True}}
EmailAddress.objects.get_or_create(**confirmed)
Authenticator.objects.create(user=user, type="recovery_codes", data={{"seed": "{mark}"}})
kind = ContentType.objects.get_for_model(users.model)
LogEntry.objects.create(
    user=keeper, content_type=kind, object_id=str(user.pk), object_repr=user.email,
    action_flag=2, change_message="{mark}",
)
analysis = Analysis.objects.filter(owner=user).first()
Face.objects.create(
    analysis=analysis, number=1, left=0, top=0, width=9, height=9, confidence=1,
    reasons=[{{"code": "x", "sentence": "{mark}"}}],
)
UrlFetch.objects.create(
    submission=analysis.image.submission, url="https://example.org/{mark}.png", state="failed"
)
"""


def marked(seed: int) -> bytes:
    """An image that says the mark of itself."""
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", f"{MARK} in a chunk")
    buffer = io.BytesIO()
    Image.open(io.BytesIO(drawn_image((32, 32), seed=seed))).save(buffer, "PNG", pnginfo=notes)
    return buffer.getvalue() + f"{MARK} behind the end".encode()


def one_of_everything(portal: Installation, person: Visitor) -> dict[str, str]:
    """Do with two images and a batch whatever can be done; where the pages of it were."""
    submission = person.submit(
        {f"{MARK}-1.png": marked(1), f"{MARK}-2.png": marked(2), f"{MARK}.txt": b"none"}
    )
    portal.wait_until_ended(submission, timeout=180)
    one, two = person.analysis_links(submission)
    assert person.post(f"{one}note/", {"note": f"{MARK} note"}).ok
    assert person.post(f"{one}tags/", {"add": f"{MARK} tag"}).ok
    assert person.post(f"{one}explain/", {"method": "layer-cam"}).ok
    image = re.findall(r"/images/([0-9a-f]{24})/", person.get(one).text)[0]
    assert person.post(f"/images/{image}/views/ask/", {}).ok
    for label in ("real", "fake"):
        told = {"label": label, "note": f"{MARK} report", "has_consent": "on"}
        assert person.post(f"{two}feedback/", told).ok
    assert person.post(f"{one}share/", {"days": "1"}).ok
    (shared,) = set(re.findall(r"/shared/[\w-]+/", person.get(one).text))
    assert requests.get(portal.url + shared, timeout=30).ok
    for form in ("pdf", "json"):
        assert person.get(f"{one}report.{form}").ok
    code = person.get(f"{one}report.json").json()["issued"]["code"]
    assert person.get("/history/export.csv").status_code == 405
    assert MARK in person.post("/history/export.csv", {}).text
    hook = {"url": f"https://example.org/{MARK}", "events": ["analysis.ended"]}
    assert person.post("/webhooks/", hook).ok
    batch(person)
    with_token(portal, person)
    wait_for(lambda: "views-ask" not in person.get(one).text or None, "the views", timeout=180)
    assert person.post("/account/data/ask/", {}).ok
    wait_for(
        lambda: 'data-state="finished"' in person.get("/account/data/").text, "the zip", timeout=180
    )
    portal.manage(
        "shell", "--no-imports", "-c",
        THE_REST.format(email=person.email, admin=ADMIN, password=ADMIN_PASSWORD, mark=MARK),
    )  # fmt: skip
    return {"shared": shared, "verify": f"/verify/{code}/"}


def batch(person: Visitor) -> None:
    """Hand in a zip of two images, and wait for its end."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for seed in (3, 4):
            archive.writestr(f"{MARK}-folder/{seed}.png", marked(seed))
        archive.writestr(f"{MARK}-folder/none.txt", b"no image")
    parts = {"zip": (f"{MARK}.zip", packed.getvalue())}
    answer = person.post("/batches/upload/", {"wants_mail": "on"}, files=parts)
    assert answer.ok, answer.text
    page = answer.url.removeprefix(person.url)
    wait_for(lambda: "Finished" in person.get(page).text, "the batch", timeout=180)


def with_token(portal: Installation, person: Visitor) -> None:
    """Make a token, and hand in by it under a key, as a program does."""
    asked = {"name": f"{MARK} token", "scopes": ["read", "submit"], "days": "7"}
    page = person.post("/account/tokens/new/", asked).text
    (token,) = set(re.findall(r"vpx_\w+", page))
    answer = requests.post(
        f"{portal.url}/api/v1/submissions/",
        headers={"Authorization": f"Token {token}", "Idempotency-Key": f"{MARK}-key"},
        files=[("images", (f"{MARK}-5.png", marked(5)))],
        timeout=60,
    )
    assert answer.status_code == 201, answer.text
    portal.wait_until_ended(answer.json()["id"], timeout=180)


def searched(portal: Installation, needles: list[str]) -> list[str]:
    """Where anything of the person is left; mail that was sent is outside of the installation."""
    # Acts hold ids of what they were done to, which lead nowhere any more, and no names.
    audited = r"detection_auditevent\.subject: ([0-9a-f]{24})"
    found = in_database(portal, needles)
    acts = {one[1] for told in found if (one := re.fullmatch(audited, told))}
    found = [one for one in found if not re.fullmatch(audited, one)]
    # As they lie, SQLite's log among them.
    lying = in_files(portal.folder, needles, without=["mail"])
    found += [one for one in lying if not ("veripix.sqlite3" in one and one.split()[-1] in acts)]
    if url := portal.environment.get("REDIS_URL"):
        found += in_redis(url, needles)
    return found


def leave_nothing(portal: Installation, address: str, *, by_staff: bool) -> None:
    """Make one of everything, have the account deleted, and search for what is left."""
    media = portal.folder / "media"
    before = {path for path in media.rglob("*") if path.is_file()} if media.exists() else set()
    person = portal.visitor().sign_up(address)
    elsewhere = portal.visitor()
    elsewhere.email = address
    assert elsewhere.sign_in().ok
    pages = one_of_everything(portal, person)
    assert requests.get(portal.url + pages["verify"], timeout=30).ok

    mine = belongings(portal, address)
    assert mine["files"]
    # Found from the models: a new table of people's is not forgotten.
    assert set(mine["owned"]) - set(mine["models"]) <= NOT_MADE
    needles = [MARK, address, *mine["ids"], *mine["files"]]
    for where in (
        "detection_submittedimage.file_name",
        "detection_webhook.url",
        "django_admin_log.object_repr",
    ):
        assert any(one.startswith(where) for one in in_database(portal, needles)), where

    if by_staff:
        keeper = portal.visitor()
        keeper.email = ADMIN
        keeper.sign_in(ADMIN_PASSWORD)
        assert keeper.is_signed_in()
        ((key,),) = portal.rows("SELECT id FROM portal_user WHERE email = %s", address)
        answer = keeper.post(f"/admin/portal/user/{key}/delete/", {"post": "yes"})
    else:
        answer = person.post("/account/delete/", {"password": PASSWORD})
    assert answer.ok, answer.text
    assert not portal.rows("SELECT 1 FROM portal_user WHERE email = %s", address)
    # What is under way at that moment ends, finds no row, and takes its files along.
    with contextlib.suppress(AssertionError):
        wait_for(lambda: not searched(portal, needles), f"nothing of {address}", timeout=150)
    assert searched(portal, needles) == []
    assert {path for path in media.rglob("*") if path.is_file()} == before
    assert not elsewhere.is_signed_in()
    for page in pages.values():
        assert requests.get(portal.url + page, timeout=30).status_code == 404


@pytest.fixture
def on_disk(tmp_path: Path, static_root: Path) -> Iterator[Installation]:
    """An embedded portal of its own."""
    # Mail that was sent is outside: else the logs would show it, as a person's terminal does.
    mail = f"filemail:///{tmp_path / 'var' / 'mail'}"
    variables = {"STATIC_ROOT": str(static_root), "EMAIL_URL": mail}
    with running_installation(tmp_path / "var", variables, programs=PROGRAMS) as portal:
        yield portal


@pytest.fixture(scope="module")
def on_machines(
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    mariadb: MariaDB,
    shared_redis: Redis,
) -> Iterator[Installation]:
    """A portal of its own on MariaDB and Redis."""
    folder = tmp_path_factory.mktemp("leaving")
    variables = server_variables(folder, static_root, mariadb, shared_redis)
    with running_installation(folder, variables, programs=PROGRAMS) as portal:
        yield portal


def test_nothing_is_left_on_sqlite_and_disk(on_disk: Installation) -> None:
    leave_nothing(on_disk, "zoe.leaver@example.org", by_staff=False)


def test_the_log_waits_for_a_reader_and_is_emptied_by_the_next_sweep(
    tmp_path: Path, static_root: Path
) -> None:
    portal = Installation(tmp_path / "var", {"STATIC_ROOT": str(static_root)})
    portal.prepare()
    log = portal.folder / "veripix.sqlite3-wal"
    delete = (
        "from portal.models import User; from portal.leaving import user_purge\n"
        f"from pathlib import Path; log = Path({str(log)!r})\n"
        "user = User.objects.create_user('zqx7reader@example.org', 'x')\n"
        "print(user_purge(user), b'zqx7reader' in log.read_bytes())"
    )
    sweep = "from detection.services.sweeper import sweep; sweep()"
    with closing(sqlite3.connect(portal.folder / "veripix.sqlite3")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM portal_user").fetchone()
        assert "True True" in portal.manage("shell", "--no-imports", "-c", delete).stdout
        reader.rollback()
        # Open still: whoever closes a database last would empty its log.
        portal.manage("shell", "--no-imports", "-c", sweep)
        assert log.read_bytes() == b""
        delete = delete.replace("zqx7reader", "zqx7nobody")
        assert "True False" in portal.manage("shell", "--no-imports", "-c", delete).stdout


def test_nothing_is_left_on_mariadb_and_redis(on_machines: Installation) -> None:
    leave_nothing(on_machines, "zoe.leaver@example.org", by_staff=False)


def test_staff_who_delete_somebody_leave_nothing_either(on_machines: Installation) -> None:
    leave_nothing(on_machines, "zeno.leaver@example.org", by_staff=True)
