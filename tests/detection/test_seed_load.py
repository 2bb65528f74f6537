"""`manage.py seed_load`: plausible rows, as many as one likes, never among those of real people."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count
from django.test import Client

from detection import perceptual
from detection.models import Analysis, Refusal, State, Submission, SubmittedImage, Tag, Track
from detection.services import seeding
from portal.models import User
from tests import work

pytestmark = pytest.mark.django_db


def load(*arguments: str) -> str:
    output = StringIO()
    call_command("seed_load", *arguments, stdout=output)
    return output.getvalue()


@pytest.fixture
def doubled(monkeypatch: pytest.MonkeyPatch) -> str:
    """Some hundred rows, of which most are copies."""
    monkeypatch.setattr(seeding, "MOST_MADE", 100)
    return load("--analyses", "400", "--users", "5")


def test_the_rows_hold_together(doubled: str) -> None:
    assert "400 analyses for 5 people" in doubled
    assert Analysis.objects.count() == 400
    for image in SubmittedImage.objects.all():
        bands = image.band_0, image.band_1, image.band_2, image.band_3
        assert perceptual.bands(image.perceptual_hash or 0) == bands
        assert f"-{image.pk:09d}." in image.file_name
    for model in (Analysis, SubmittedImage, Submission):
        ids = model.objects.values("public_id").distinct()
        assert ids.count() == model.objects.count()
    others = Analysis.objects.exclude(owner_id=0).select_related("image__submission")
    assert all(one.owner_id == one.image.submission.owner_id for one in others)
    assert all(one.created_at == one.image.created_at for one in others)


def test_one_answer_stands_for_each_image(doubled: str) -> None:
    standing = Analysis.objects.on_images().current().values("image").annotate(count=Count("pk"))
    assert set(standing.values_list("count", flat=True)) == {1}
    assert len(standing) == SubmittedImage.objects.count()


def test_they_are_like_those_of_people(doubled: str) -> None:
    assert {*Analysis.objects.values_list("state", flat=True)} >= {State.FINISHED, State.FAILED}
    assert not Analysis.objects.unfinished().exists()
    verdicts = Analysis.objects.on_images().filter(state=State.FINISHED)
    assert set(verdicts.values_list("verdict", flat=True)) == {
        *("likely_ai", "likely_real", "inconclusive")
    }
    assert {*Analysis.objects.values_list("track", flat=True)} == {*Track.values}
    assert Refusal.objects.exists()
    shares = Analysis.objects.values("owner").annotate(count=Count("pk")).order_by("-count")
    assert shares[0]["count"] >= 40
    for tag in Tag.objects.all():
        assert tag.image_count == tag.images.count()


def test_its_pages_can_be_seen(doubled: str, client: Client) -> None:
    person = seeding.seeded_users()[0]
    assert not person.has_usable_password()
    client.force_login(person)
    page = client.get("/history/")
    assert len(page.context["page"].rows) == 24
    shown = page.context["page"].rows[0]
    assert client.get(f"/analyses/{shown.public_id}/").status_code == 200
    picture = client.get(f"/images/{shown.image.public_id}/thumbnail/")
    assert picture.status_code == 200


def test_real_accounts_keep_it_away_unless_one_insists(alice: User) -> None:
    with pytest.raises(CommandError, match="People have accounts here"):
        load("--analyses", "10")
    load("--analyses", "10", "--users", "2", "--i-know")
    assert Analysis.objects.count() == 10


def test_clearing_takes_what_it_made_and_nothing_else(alice: User) -> None:
    kept = work.queued(alice)
    load("--analyses", "30", "--users", "2", "--i-know")
    assert "2 made-up people deleted" in load("--clear", "--i-know")
    assert list(Analysis.objects.all()) == [kept]
    assert list(User.objects.all()) == [alice]
    assert not Tag.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        (),
        ("--analyses", "-1"),
        ("--analyses", "100000000"),
        ("--analyses", "1", "--users", "0"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        load(*wrong)
    assert not Analysis.objects.exists()
