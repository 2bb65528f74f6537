"""Each face gets its own verdict beside the image's, and nothing of the image's changes by it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from PIL import Image

from detection import ml_gateway
from detection.models import Analysis, Face, ModelVersion, State, Track
from detection.services import analysis as analyses
from detection.services import intake, sweeper
from detection.services.registry import version_promote, version_register
from detection.tasks import analyse_images
from ml.contract import Domain
from portal.models import User
from tests import colours, images, work
from tests.fixtures import Committed, Queue
from tests.portraits import as_file, beside_each_other, portraits

SENTENCE = "Two portraits beside each other."


@pytest.fixture(scope="session")
def face_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored model for faces: the redder the surer FAKE, as that for whole images."""
    folder = tmp_path_factory.mktemp("faces") / "face-colours"
    domain = Domain(640, 320, SENTENCE)
    colours.store(folder, name="face-colours", track="face", domain=domain)
    return folder


@pytest.fixture
def face_model(db: None, face_folder: Path) -> ModelVersion:
    """The registered version that answers for faces."""
    version, _ = version_register(directory=face_folder)
    version_promote(version=version, reason="For the tests.")
    return version


@pytest.fixture(autouse=True)
def empty_queue() -> Iterator[None]:
    """Nothing waits before a test and nothing is left by it."""
    work.delivered("faces")
    yield
    work.delivered("faces")


def tinted(image: Image.Image, colour: str) -> Image.Image:
    return Image.blend(image, Image.new("RGB", image.size, colour), 0.45)


@pytest.fixture(scope="session")
def couple() -> bytes:
    """A file with a reddish face on the left and a bluish one on the right."""
    left, right = portraits(2)
    return as_file(beside_each_other([tinted(left, "red"), tinted(right, "blue")], columns=2))


@pytest.fixture
def on_image(alice: User, model: ModelVersion, face_model: ModelVersion, couple: bytes) -> Analysis:
    """The couple's own analysis, which waits, beside that of its faces."""
    submission = work.hand_in(alice, couple, name="couple.jpg")
    return Analysis.objects.on_images().get(image__submission=submission)


@pytest.fixture
def on_faces(on_image: Analysis) -> Analysis:
    """The analysis of the couple's faces, which waits."""
    return on_image.image.analyses.on_faces().get()


@pytest.fixture
def judged(on_faces: Analysis) -> Analysis:
    """The same, when it has run."""
    assert analyses.analysis_run(analysis_id=on_faces.pk, worker="tester")
    on_faces.refresh_from_db()
    return on_faces


def test_each_face_is_found_and_judged(judged: Analysis, face_model: ModelVersion) -> None:
    assert (judged.state, judged.model_version) == (State.FINISHED, face_model)
    assert (judged.verdict, judged.p_fake, judged.heatmap.name) == ("", None, "")
    left, right = judged.faces.all()
    assert (left.number, left.verdict) == (1, "likely_ai")
    assert (right.number, right.verdict) == (2, "likely_real")
    assert left.left + left.width / 2 < 320 < right.left + right.width / 2
    for face in (left, right):
        assert face.in_domain
        assert face.reasons[0]["code"] == "model_sure"
        assert face.confidence >= 0.9
        with face.heatmap.open("rb") as file, Image.open(file) as heatmap:
            assert heatmap.size == (256, 256)


def test_faces_wait_in_a_queue_of_their_own(
    on_image: Analysis, committed: Committed, queue: Queue, couple: bytes, alice: User
) -> None:
    with committed():
        submission = work.hand_in(alice, couple)
    first, second = Analysis.objects.filter(image__submission=submission).order_by("pk")
    assert (first.track, second.track) == (Track.PHOTO, Track.FACE)
    assert (queue(), work.delivered("faces")) == ([first.pk], [second.pk])


def test_no_face_is_looked_for_in_a_thumbnail_or_without_a_model(
    alice: User, model: ModelVersion, face_model: ModelVersion, couple: bytes
) -> None:
    work.hand_in(alice, images.image_file("JPEG", (32, 32)))
    face_model.model.champion = None
    face_model.model.save()
    work.hand_in(alice, couple)
    assert not Analysis.objects.on_faces().exists()


def test_an_image_without_faces_says_so_in_a_line(
    alice: User, as_alice: Client, model: ModelVersion, face_model: ModelVersion
) -> None:
    submission = work.hand_in(alice, images.image_file("JPEG", (200, 200)))
    on_image, on_faces = Analysis.objects.filter(image__submission=submission).order_by("pk")
    for waiting in (on_image, on_faces):
        assert analyses.analysis_run(analysis_id=waiting.pk, worker="tester")
    assert not Face.objects.exists()
    page = as_alice.get(f"/analyses/{on_image.public_id}/").text
    assert "No face that is large enough to be judged was found." in page
    assert "every 2s" not in page


def test_it_leaves_the_images_own_verdict_alone(
    on_image: Analysis, judged: Analysis, as_alice: Client
) -> None:
    assert analyses.analysis_run(analysis_id=on_image.pk, worker="tester")
    on_image.refresh_from_db()
    assert on_image.verdict == "inconclusive"  # it has another size than the model's images
    submission = on_image.image.submission.public_id
    assert (
        as_alice.get(f"/submissions/{submission}/").text.count('data-testid="analysis-card"') == 1
    )
    assert as_alice.get("/history/").text.count('data-testid="history-row"') == 1
    assert as_alice.get("/submit/").text.count('data-testid="analysis-card"') == 1


def test_the_page_shows_each_face_in_its_frame(
    on_image: Analysis, judged: Analysis, as_alice: Client
) -> None:
    page = as_alice.get(f"/analyses/{on_image.public_id}/").text
    assert "2 faces" in page
    assert page.count('class="face-box"') == 2
    assert 'type="checkbox" autocomplete="off" data-testid="faces-heat"' in page
    assert "more influence" in page
    for face in judged.faces.all():
        assert f'x="{face.left}" y="{face.top}" width="{face.width}"' in page
        assert f"/faces/{face.public_id}/heatmap/" in page
        assert f"AI {face.percent_fake:.1f} %" in page
        assert f"real {face.percent_real:.1f} %" in page
        assert face.summary in page
    for text in ("Likely AI-generated", "Likely real", "face-colours 1", SENTENCE):
        assert text in page


def test_faces_of_an_image_that_is_not_validated_get_neither_number_nor_verdict(
    alice: User, as_alice: Client, model: ModelVersion, face_model: ModelVersion
) -> None:
    submission = work.hand_in(alice, as_file(tinted(portraits(1)[0], "red")))
    on_image, on_faces = Analysis.objects.filter(image__submission=submission).order_by("pk")
    assert analyses.analysis_run(analysis_id=on_faces.pk, worker="tester")
    (face,) = on_faces.faces.all()
    assert (face.verdict, face.in_domain) == ("inconclusive", False)
    assert face.reasons[-1]["code"] == "no_number"
    page = as_alice.get(f"/analyses/{on_image.public_id}/faces/").text
    assert "Not validated for this kind of image" in page
    assert 'data-testid="face-numbers"' not in page
    assert analyses.analysis_run(analysis_id=on_image.pk, worker="tester")
    report = as_alice.get(f"/analyses/{on_image.public_id}/report.json").json()
    assert report["faces"][0]["verdict"]["percent_ai"] is None


def test_the_page_asks_until_faces_are_there(on_image: Analysis, as_alice: Client) -> None:
    address = f"/analyses/{on_image.public_id}/faces/"
    waiting = as_alice.get(address).text
    assert "Looking for faces" in waiting
    assert f'hx-get="{address}"' in waiting


def test_what_failed_can_be_run_again(on_faces: Analysis, as_alice: Client) -> None:
    work.ended(on_faces, state=State.FAILED, error_code="x", error_sentence="It broke.", verdict="")
    shown = on_faces.image.analyses.on_images().get()
    page = as_alice.get(f"/analyses/{shown.public_id}/").text
    assert "The faces could not be judged: It broke." in page
    answer = as_alice.post(f"/analyses/{on_faces.public_id}/retry/")
    assert answer["Location"] == f"/analyses/{shown.public_id}/"
    on_faces.refresh_from_db()
    assert on_faces.state == State.QUEUED


def test_a_faces_heatmap_is_for_its_owner_and_the_administrator(
    judged: Analysis, client: Client, as_alice: Client, as_charlie: Client, as_admin: Client
) -> None:
    address = f"/faces/{judged.faces.all()[0].public_id}/heatmap/"
    assert client.get(address).status_code == 302
    assert as_charlie.get(address).status_code == 404
    for somebody in (as_alice, as_admin):
        answer = somebody.get(address)
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    shown = judged.image.analyses.on_images().get()
    assert as_charlie.get(f"/analyses/{shown.public_id}/faces/").status_code == 404


def test_an_analysis_of_faces_has_no_page_of_its_own(judged: Analysis, as_alice: Client) -> None:
    assert as_alice.get(f"/analyses/{judged.public_id}/").status_code == 404


def test_faces_and_their_files_go_with_the_image(judged: Analysis, committed: Committed) -> None:
    heatmaps = {Path(face.heatmap.path) for face in judged.faces.all()}
    assert heatmaps <= work.media_files()
    with committed():
        intake.images_delete(images=[judged.image])
    assert work.media_files() == set()
    assert not Face.objects.exists()


def test_an_overtaken_run_stores_neither_face_nor_file(
    on_faces: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = ml_gateway.face_answers

    def slowly(*given: object, **named: object) -> list[ml_gateway.FaceAnswer]:
        Analysis.objects.filter(pk=on_faces.pk).update(attempts=2)
        return answer(*given, **named)  # type: ignore[arg-type]

    before = work.media_files()
    monkeypatch.setattr(ml_gateway, "face_answers", slowly)
    assert not analyses.analysis_run(analysis_id=on_faces.pk, worker="tester")
    assert work.media_files() == before
    assert not Face.objects.exists()


def test_delivered_twice_it_runs_once(on_faces: Analysis) -> None:
    for _ in range(2):
        analyse_images.apply(args=[[on_faces.pk], "faces"])
    on_faces.refresh_from_db()
    assert (on_faces.state, on_faces.attempts, on_faces.faces.count()) == (State.FINISHED, 1, 2)


def test_the_sweeper_watches_each_kind_by_itself(
    on_image: Analysis, on_faces: Analysis, queue: Queue
) -> None:
    """Busy workers for images say nothing about those for faces."""
    Analysis.objects.update(enqueued_at="2026-01-01T00:00:00Z")
    work.ended(on_image, finished_at=timezone.now())
    sweeper.sweep()
    assert (queue(), work.delivered("faces")) == ([], [on_faces.pk])


def test_the_administrator_sees_the_faces(judged: Analysis, as_admin: Client) -> None:
    page = as_admin.get(f"/admin/detection/analysis/{judged.pk}/change/").text
    for face in judged.faces.all():
        assert f"/faces/{face.public_id}/heatmap/" in page
    assert as_admin.get("/admin/detection/analysis/?track__exact=face").status_code == 200


def test_a_terminal_tells_of_faces_too(
    model: ModelVersion,
    face_model: ModelVersion,
    couple: bytes,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, small = tmp_path / "couple.jpg", tmp_path / "small.png"
    path.write_bytes(couple)
    small.write_bytes(images.plain("red"))
    call_command("classify", "--json", str(path), str(small))
    told, without = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert [face["verdict"] for face in told["faces"]] == ["likely_ai", "likely_real"]
    assert (told["face_model"], told["face_version"]) == ("face-colours", 1)
    assert told["verdict"] == "inconclusive"
    assert "faces" not in without

    call_command("classify", str(path))
    image, first, second = capsys.readouterr().out.splitlines()
    assert "Inconclusive" in image
    assert first.strip().startswith("face 1 (")
    assert "Likely AI-generated" in first
    assert "Likely real" in second

    call_command("classify", "--json", "--no-faces", str(path))
    assert "faces" not in json.loads(capsys.readouterr().out)
