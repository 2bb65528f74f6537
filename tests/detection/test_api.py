"""What programs do: hand in, ask how far it is, read verdicts, take reports, contradict, delete."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from detection.models import Analysis, Face, Feedback, ModelVersion, Submission, SubmittedImage
from detection.services.analysis import analysis_run
from detection.services.notes import tags_set
from portal.models import User
from tests import images, reported, work
from tests.fixtures import Committed, Queue
from tests.programs import error, program

SUBMISSIONS, ANALYSES = "/api/v1/submissions/", "/api/v1/analyses/"


def hand_in(client: Client, *contents: bytes, name: str = "cat.png") -> Any:
    """Hand in files; the answer as JSON."""
    files = [work.upload(content, name) for content in contents]
    answer = client.post(SUBMISSIONS, {"images": files})
    assert answer.status_code == 201, answer.text
    assert answer["Location"] == answer.json()["url"]
    return answer.json()


def test_from_the_file_to_the_verdict(
    alice: User, model: ModelVersion, committed: Committed, queue: Queue
) -> None:
    client = program(alice)
    with committed():
        body = hand_in(client, images.plain("red"), b"no image", images.plain("blue"))
    assert [one["image"]["file_name"] for one in body["analyses"]] == ["cat.png", "cat.png"]
    assert {one["state"] for one in body["analyses"]} == {"queued"}
    (refusal,) = body["refusals"]
    assert set(refusal) == {"file_name", "code", "message"}
    waiting = client.get(body["url"])
    assert waiting["Retry-After"] == "1"
    assert not waiting.json()["is_finished"]
    assert client.get(body["analyses"][0]["url"])["Retry-After"] == "1"
    for analysis in Analysis.objects.all():
        analysis_run(analysis_id=analysis.pk)
    ended = client.get(body["url"])
    assert "Retry-After" not in ended
    assert ended.json()["is_finished"]
    counts = ended.json()["counts"]
    assert (counts["total"], counts["finished"], counts["unfinished"]) == (2, 2, 0)
    listed = client.get(body["analyses_url"]).json()["results"]
    assert {one["verdict"]["kind"] for one in listed} == {"likely_ai", "likely_real"}
    assert Submission.objects.get().source == "api"


def test_one_analysis_tells_what_its_page_tells(alice: User, model: ModelVersion) -> None:
    analysis = work.analysed(alice, images.with_metadata("JPEG"))
    tags_set(image=analysis.image, user=alice, names=["night"])
    told = program(alice).get(f"{ANALYSES}{analysis.public_id}/").json()
    assert told["verdict"]["reasons"][0] == analysis.reasons[0]
    assert told["verdict"]["percent_ai"] == (
        analysis.percent_fake if analysis.shows_number else None
    )
    assert told["model"] == analysis.model_version.label  # type: ignore[union-attr]
    assert [one["code"] for one in told["findings"]] == [one["code"] for one in analysis.findings]
    assert told["tags"] == ["night"]
    assert told["page"].endswith(reverse("analysis_detail", args=[analysis.public_id]))
    # Where it was taken is for the page alone.
    assert "is_private" not in json.dumps(told)


def test_the_files_of_a_verdict(alice: User) -> None:
    analysis = reported.finished(alice)
    analysis.heatmap.save("", work.upload(reported.heatmap()))
    client = program(alice)
    told = client.get(f"{ANALYSES}{analysis.public_id}/").json()
    original = client.get(told["image_url"])
    with analysis.image.original.open() as file:
        assert b"".join(original) == file.read()
    assert original["Content-Type"] == f"image/{analysis.image.format.lower()}"
    assert original["Content-Disposition"].startswith("attachment;")
    assert original["X-Content-Type-Options"] == "nosniff"
    heatmap = client.get(told["heatmap"]["url"], headers={"accept": "image/png"})
    assert heatmap["Content-Type"] == "image/png"
    assert b"".join(heatmap) == reported.heatmap()
    pdf = client.get(told["reports"]["pdf"])
    assert pdf.content.startswith(b"%PDF")
    report = client.get(told["reports"]["json"])
    assert report.json()["image"]["file_name"] == analysis.image.file_name
    assert report.json()["issued"]["code"] in report["Content-Disposition"]


def test_what_is_not_there_yet_has_no_files(alice: User) -> None:
    analysis = work.queued(alice)
    client, url = program(alice), f"{ANALYSES}{analysis.public_id}/"
    told = client.get(url).json()
    assert (told["verdict"], told["heatmap"], told["reports"], told["faces"]) == (None,) * 4
    assert error(client.get(f"{url}heatmap/"), 404)["code"] == "not_found"
    for form in ("pdf", "json"):
        assert error(client.get(f"{url}report.{form}"), 409)["code"] == "not_finished"


def test_a_file_that_is_gone(alice: User, settings: Settings) -> None:
    analysis = work.queued(alice)
    Path(settings.MEDIA_ROOT, str(analysis.image.original.name)).unlink()
    answer = program(alice).get(f"{ANALYSES}{analysis.public_id}/image/")
    assert error(answer, 404)["code"] == "not_found"


def test_faces_stand_beside(alice: User) -> None:
    analysis = reported.finished(alice)
    on_faces = Analysis.objects.create(
        image=analysis.image, owner=alice, track="face", state="finished"
    )
    face = Face.objects.create(
        analysis=on_faces,
        number=1,
        left=1,
        top=2,
        width=8,
        height=8,
        confidence=1.0,
        verdict="likely_real",
        reasons=[{"code": "c", "sentence": "S."}],
    )
    face.heatmap.save("", work.upload(reported.heatmap()))
    client = program(alice)
    told = client.get(f"{ANALYSES}{analysis.public_id}/").json()["faces"]
    assert told["state"] == "finished"
    assert told["faces"][0]["verdict"]["kind"] == "likely_real"
    assert client.get(told["faces"][0]["heatmap"]["url"]).status_code == 200
    # It is no analysis of an image, and has no address of its own.
    assert client.get(f"{ANALYSES}{on_faces.public_id}/").status_code == 404


def test_filters(alice: User) -> None:
    first = work.ended(work.queued(alice, name="cat.png"), verdict="likely_ai")
    second = work.ended(work.queued(alice, images.plain("blue"), name="dog.png"))
    Analysis.objects.filter(pk=second.pk).update(verdict="likely_real")
    third = work.queued(alice, images.image_file("PNG", (200, 200)), name="bird.png")
    tags_set(image=first.image, user=alice, names=["Night desk"])
    client = program(alice)

    def found(**query: str) -> list[str]:
        rows = client.get(ANALYSES, query).json()["results"]
        return [row["image"]["file_name"] for row in rows]

    assert found() == ["bird.png", "dog.png", "cat.png"]
    assert found(state="queued") == ["bird.png"]
    assert found(verdict="likely_real") == ["dog.png"]
    assert found(track="photo") == ["bird.png"]
    assert found(tag="night DESK") == ["cat.png"]
    assert found(tag="other") == []
    assert found(text="og") == ["dog.png"]
    assert found(submission=first.image.submission.public_id) == ["cat.png"]
    assert found(created_after=second.created_at.isoformat()) == ["bird.png", "dog.png"]
    assert found(created_before=second.created_at.isoformat()) == ["cat.png"]
    assert found(state="queued", verdict="likely_ai") == []
    assert third.state == "queued"


def test_pages_follow_one_another_whatever_comes_and_goes(alice: User) -> None:
    submission = work.hand_in(alice, *[images.image_file("PNG", (8, 8), seed=n) for n in range(7)])
    # All of one moment, as bulk writes store them.
    Analysis.objects.update(created_at=submission.created_at)
    expected = list(Analysis.objects.newest_first().values_list("public_id", flat=True))
    client, seen, address = program(alice), [], f"{ANALYSES}?limit=3&state=queued"
    while address:
        body = client.get(address).json()
        seen += [row["id"] for row in body["results"]]
        address = body["next"]
        if len(seen) == 3:
            work.hand_in(alice, images.plain("red"))
            Analysis.objects.get(public_id=seen[2]).image.delete()
    assert seen == expected


def test_submissions_come_in_pages_too(alice: User, charlie: User) -> None:
    mine = [work.hand_in(alice).public_id for _ in range(5)]
    work.hand_in(charlie)
    client, seen, address = program(alice), [], f"{SUBMISSIONS}?limit=2"
    while address:
        body = client.get(address).json()
        seen += [row["id"] for row in body["results"]]
        address = body["next"]
    assert seen == mine[::-1]


def test_a_cursor_tells_no_key(alice: User) -> None:
    for _ in range(2):
        work.queued(alice)
    first = program(alice).get(f"{ANALYSES}?limit=1").json()["next"]
    veiled = first.split("cursor=")[1].split("&")[0]
    assert len(veiled) == 22
    held = base64.urlsafe_b64decode(f"{veiled}==")
    key = Analysis.objects.newest_first()[0].pk
    for order in ("big", "little"):
        assert key.to_bytes(8, order) not in held


def test_a_longer_list_costs_no_more_queries(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = program(alice)
    work.ended(work.queued(alice))
    client.get(ANALYSES)
    # The token; the page's keys; its rows; their tags.
    with django_assert_num_queries(4):
        client.get(ANALYSES)
    for _ in range(5):
        work.ended(work.queued(alice))
    with django_assert_num_queries(4):
        assert len(client.get(ANALYSES).json()["results"]) == 6


def test_a_failed_one_is_run_again(alice: User, committed: Committed, queue: Queue) -> None:
    analysis = work.ended(work.queued(alice), state="failed", error_code="broken", verdict="")
    client, url = program(alice), f"{ANALYSES}{analysis.public_id}/"
    assert client.get(url).json()["error"]["code"] == "broken"
    with committed():
        answer = client.post(f"{url}retry/")
    assert answer.status_code == 202
    assert answer.json()["state"] == "queued"
    assert error(client.post(f"{url}retry/"), 409)["code"] == "not_retryable"


def test_a_verdict_is_contradicted(alice: User) -> None:
    analysis = work.ended(work.queued(alice))
    client, url = program(alice), f"{ANALYSES}{analysis.public_id}/feedback/"

    def say(**said: object) -> Any:
        return client.post(url, said, content_type="application/json")

    answer = say(label="real", note="I took it.")
    assert answer.status_code == 200
    assert answer.json()["state"] == "open"
    assert Feedback.objects.get().note == "I took it."
    assert error(say(label="fake"), 422)["code"] == "same_as_verdict"
    assert error(say(label="perhaps"), 422)["field"] == "label"
    assert error(say(label="real", note="x" * 1001), 422)["field"] == "note"


def test_an_image_is_deleted_with_its_files(alice: User, committed: Committed) -> None:
    kept = work.queued(alice)
    files = work.media_files()
    gone = work.queued(alice)
    client = program(alice)
    with committed():
        assert client.delete(f"{ANALYSES}{gone.public_id}/").status_code == 204
    assert list(SubmittedImage.objects.all()) == [kept.image]
    assert work.media_files() == files
    with committed():
        path = f"{SUBMISSIONS}{kept.image.submission.public_id}/"
        assert client.delete(path).status_code == 204
    assert not Submission.objects.exists()
    assert not work.media_files()


def test_models_and_usage(alice: User, model: ModelVersion, settings: Settings) -> None:
    client = program(alice)
    (told,) = client.get("/api/v1/models/").json()["results"]
    assert (told["name"], told["number"], told["track"]) == ("colours", 1, "thumbnail")
    settings.QUOTA_IMAGES_PER_DAY = {"everybody": 2}
    hand_in(client, images.plain("red"))
    usage = client.get("/api/v1/usage/").json()
    assert usage["quota"]["images"] == 2
    assert (usage["today"]["images"], usage["left"]["images"]) == (1, 1)
    hand_in(client, images.plain("blue"))
    answer = client.post(SUBMISSIONS, {"images": work.upload(images.plain("grey"))})
    assert error(answer, 429)["code"] == "quota_exceeded"
    assert 0 < int(answer["Retry-After"]) <= 24 * 3600 + 1


@pytest.mark.django_db
def test_the_description_and_its_page_are_open() -> None:
    schema = Client().get("/api/v1/schema/")
    assert schema.status_code == 200
    assert schema.content.startswith(b"openapi: 3.0")
    page = Client().get("/api/v1/docs/")
    assert page.status_code == 200
    policy = page["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "img-src 'self' data:" in policy
