"""A portal with encrypted files: nothing of a picture can be read on its disks, and keys change."""

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from detection.models.batches import PIECES_FOLDER
from portal.encrypted_storage import HEAD_BYTES, MAGIC
from portal.encryption import MediaKeys, media_keys, new_key
from portal.environment import Environment
from tests import images, metadata
from tests.installation import ROOT, Installation, running_installation, server_variables
from tests.servers import S3, MariaDB, Redis
from tests.visitor import Visitor
from tests.waiting import wait_for

pytestmark = pytest.mark.services

MARKER = b"the-marker-of-an-original-that-nobody-may-find"
KEY, NEWER = new_key(), new_key()
# A disk is quicker than a server: killed in the middle are both.
MANY = {"folder": 400, "bucket": 60}


def picture(seed: int, size: tuple[int, int] = (32, 32)) -> bytes:
    """A picture whose file holds the marker."""
    return metadata.png_with(
        metadata.plain_text("Comment", MARKER.decode() * 20),
        metadata.plain_text("Title", str(seed)),
        size=size,
    )


@pytest.fixture(scope="module")
def portal(
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    mariadb: MariaDB,
    shared_redis: Redis,
) -> Iterator[Installation]:
    """MariaDB and Redis, whose own disks are not these files' business, and a key."""
    folder = tmp_path_factory.mktemp("encryption")
    temporary = folder / "tmp"
    temporary.mkdir()
    variables = server_variables(folder, static_root, mariadb, shared_redis)
    variables |= {"MEDIA_KEYS": KEY, "TMPDIR": str(temporary)}
    with running_installation(folder, variables) as installation:
        yield installation


@pytest.fixture(scope="module")
def alice(portal: Installation) -> Visitor:
    """Who hands in."""
    return portal.visitor().sign_up("alice@example.org")


def found_below(folder: Path, text: bytes) -> list[Path]:
    """Every file in which these bytes stand."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if text in path.read_bytes()]


def media(portal: Installation) -> list[Path]:
    return [path for path in (portal.folder / "media").rglob("*") if path.is_file()]


def test_nothing_of_a_picture_can_be_read_below_any_folder_of_the_portal(
    portal: Installation, alice: Visitor
) -> None:
    small, large = picture(1), picture(2, (1200, 1000))
    assert len(large) > 2_621_440, "Django writes what is larger to the disk while it comes in"
    submission = alice.submit({"small.png": small, "large.png": large})
    assert portal.wait_until_ended(submission, timeout=180) == ["finished", "finished"]
    rows = portal.rows(
        "SELECT i.public_id, a.public_id, a.heatmap FROM detection_analysis a"
        " JOIN detection_submittedimage i ON i.id = a.image_id"
        " JOIN detection_submission s ON s.id = i.submission_id"
        " WHERE s.public_id = %s AND a.track <> 'face' ORDER BY i.id",
        submission,
    )
    for (image, _, _), content in zip(rows, (small, large), strict=True):
        assert alice.get(f"/images/{image}/original/").content == content
        for kind in ("preview", "thumbnail"):
            answer = alice.get(f"/images/{image}/{kind}/")
            assert answer.content[8:12] == b"WEBP", kind
            assert answer.headers["Content-Length"] == str(len(answer.content))
        assert alice.post(f"/images/{image}/views/ask/").ok
    heatmap = alice.get(f"/analyses/{rows[0][1]}/heatmap/")
    assert heatmap.content.startswith(images.PNG_SIGNATURE)
    query = "SELECT state FROM detection_forensicviews"
    wait_for(lambda: portal.rows(query) == [("finished",)] * 2, "the views of both", timeout=120)
    assert len(media(portal)) >= 12
    assert all(path.read_bytes().startswith(MAGIC) for path in media(portal))
    assert found_below(portal.folder, MARKER) == []


def test_the_pieces_of_a_batch_cannot_be_read_either(portal: Installation, alice: Visitor) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(3):
            archive.writestr(f"{number}.png", picture(100 + number))
    content = packed.getvalue()
    assert MARKER in content
    opened = alice.post("/batches/open/", {"name": "a.zip", "size": len(content)})
    assert opened.status_code == requests.codes.created, opened.text
    batch = opened.json()["id"]
    sent = alice.post_raw(f"/batches/{batch}/pieces/?offset=0", content)
    assert sent.ok, sent.text
    assert any(f"/{PIECES_FOLDER}/" in path.as_posix() for path in media(portal))
    assert found_below(portal.folder, MARKER) == []
    portal.start("errands")
    query = "SELECT state FROM detection_batch WHERE public_id = %s"
    wait_for(
        lambda: portal.rows(query, batch) == [("finished",)], "the end of the batch", timeout=180
    )
    portal.stop("errands")
    assert found_below(portal.folder, MARKER) == []


def test_keys_change_while_people_look(portal: Installation, alice: Visitor) -> None:
    content = picture(7)
    portal.wait_until_ended(alice.submit({"a.png": content}), timeout=180)
    ((image,),) = portal.rows(
        "SELECT public_id FROM detection_submittedimage ORDER BY id DESC LIMIT 1"
    )
    keys = f"{NEWER},{KEY}"
    portal.stop("web", "inference")
    portal._variables["MEDIA_KEYS"] = keys
    portal.start("web", "inference")
    seen = 0
    with rotating(portal.environment) as run:
        while run.poll() is None or not seen:
            assert alice.get(f"/images/{image}/original/").content == content
            seen += 1
    assert run.returncode == 0
    newest = keys_of(NEWER)
    assert all(newest.is_of_first(path.read_bytes()[:HEAD_BYTES]) for path in media(portal))
    assert alice.get(f"/images/{image}/original/").content == content
    assert portal.wait_until_ended(alice.submit({"b.png": picture(8)})) == ["finished"]


def test_no_log_names_a_key(portal: Installation) -> None:
    assert found_below(portal.folder, b"AGE-SECRET") == []
    for key in (KEY, NEWER):
        assert found_below(portal.folder, key.removeprefix("AGE-SECRET-KEY-1").encode()) == []


# -- a run that is killed ---------------------------------------------------------------------


class Kept:
    """Many files, in a folder or a bucket, and what is in each."""

    def __init__(
        self, variables: dict[str, str], put: Callable[[str, bytes], Any],
        got: Callable[[str], bytes], names: Callable[[], set[str]], many: int,
    ) -> None:  # fmt: skip
        self.many = many
        self.variables = variables
        self.got = got
        self.names = names
        self.contents = {
            f"originals/{number % 7}/{number}.bin": MARKER * (1 + number) for number in range(many)
        }
        for name, content in self.contents.items():
            put(name, content)

    def sealed(self) -> int:
        """How many are encrypted."""
        return sum(self.got(name).startswith(MAGIC) for name in self.contents)


@pytest.fixture(params=["folder", "bucket"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """Files of before there was a key."""
    variables = {"VERIPIX_VAR": str(tmp_path), "MEDIA_KEYS": KEY}
    if request.param == "folder":
        media = tmp_path / "media"

        def put(name: str, content: bytes) -> None:
            path = media / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

        def names() -> set[str]:
            files = (path for path in media.rglob("*") if path.is_file())
            return {path.relative_to(media).as_posix() for path in files}

        return Kept(variables, put, lambda name: (media / name).read_bytes(), names, MANY["folder"])
    s3: S3 = request.getfixturevalue("s3")
    bucket, client = s3.new_bucket(), s3.client()
    variables["STORAGE_URL"] = f"{s3.url(bucket)}?prefix=of/veripix"
    return Kept(
        variables,
        lambda name, content: client.put_object(
            Bucket=bucket, Key=f"of/veripix/{name}", Body=content
        ),
        lambda name: client.get_object(Bucket=bucket, Key=f"of/veripix/{name}")["Body"].read(),
        lambda: {name.removeprefix("of/veripix/") for name in s3.names(bucket)},
        MANY["bucket"],
    )


def test_a_run_that_is_killed_in_the_middle_is_done_again(kept: Kept, tmp_path: Path) -> None:
    environment = Installation(tmp_path, kept.variables).environment
    with rotating(environment) as run:
        wait_for(lambda: kept.sealed() >= kept.many // 10, "a part of the files", timeout=120)
        run.kill()
        run.wait()
    done = kept.sealed()
    assert kept.many // 10 <= done < kept.many
    keys = keys_of(KEY)
    for name, content in kept.contents.items():
        stored = kept.got(name)
        assert (opened(keys, stored) if stored.startswith(MAGIC) else stored) == content, name
    with rotating(environment) as run:
        run.wait()
    assert run.returncode == 0
    assert kept.names() == set(kept.contents)
    for name, content in kept.contents.items():
        assert opened(keys, kept.got(name)) == content, name
    with rotating({**environment, "MEDIA_KEYS": f"plain,{KEY}"}, "--decrypt") as run:
        run.wait()
    assert run.returncode == 0
    assert {name: kept.got(name) for name in kept.names()} == kept.contents


def rotating(environment: dict[str, str], *arguments: str) -> "subprocess.Popen[bytes]":
    """A run of the command."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "rotate_media_keys", *arguments], cwd=ROOT, env=environment
    )


def keys_of(*words: str) -> MediaKeys:
    return media_keys(Environment({"KEYS": ",".join(words)}), "KEYS")


def opened(keys: MediaKeys, sealed: bytes) -> bytes:
    plain = io.BytesIO()
    keys.unseal(io.BytesIO(sealed), plain)
    return plain.getvalue()
