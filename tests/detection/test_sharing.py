"""A share link shows a verdict to whoever has it, for a time, and nothing that is not shared."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from detection.models import Analysis, AuditEvent, ModelVersion, ShareLink
from detection.services.intake import images_delete
from detection.services.sharing import MOST_OPEN, ShareRefused, days_offered, link_create
from portal.models import User
from tests import reported, work
from tests.fixtures import Committed

PARTS = ("", "image/", "heatmap/", "report.pdf", "report.json")


@pytest.fixture
def analysis(alice: User, model: ModelVersion) -> Analysis:
    """A finished one with everything that could be shown."""
    return reported.finished(alice, model)


@pytest.fixture
def link(alice: User, analysis: Analysis) -> ShareLink:
    """An open link to it."""
    return link_create(analysis=analysis, user=alice, days=7)


def address(link: ShareLink, part: str = "") -> str:
    return f"/shared/{link.token}/{part}"


@pytest.mark.parametrize("who", ["stranger", "alice", "charlie", "admin"])
def test_whoever_has_it_reads_the_verdict(
    link: ShareLink, charlie: User, admin: User, who: str
) -> None:
    client = Client()
    if who != "stranger":
        client.force_login(User.objects.get(email=f"{who}@example.org"))
    answer = client.get(address(link))
    assert answer.status_code == 200
    page = answer.content.decode()
    wanted = ["Likely AI-generated", "High certainty", "a fox in a library", "Grad-CAM"]
    wanted += [reported.REASONS[0]["sentence"], "An indication, never a proof."]
    assert [one for one in wanted if one not in page] == []


def test_the_verdicts_sentence_stands_once_and_findings_show_their_gist(
    client: Client, link: ShareLink
) -> None:
    page = client.get(address(link)).text
    assert [page.count(one["sentence"]) for one in reported.REASONS] == [1, 1]
    assert '<p class="finding-glimpse break">Prompt a fox in a library · Seed 1234</p>' in page
    assert "Nobody has looked for faces in this image." in page


def test_it_shows_nothing_personal(client: Client, link: ShareLink) -> None:
    image = link.analysis.image
    image.note = "my own note"
    image.save()
    shown = client.get(address(link)).content + client.get(address(link, "report.json")).content
    page = shown.decode()
    secrets = [reported.POSITION, reported.AUTHOR, reported.FILE_NAME, "my own note"]
    secrets += ["alice@example.org", image.public_id, link.analysis.public_id]
    assert [one for one in secrets if one in page] == []


def test_what_the_file_says_of_the_camera_is_told_before_and_can_be_left_out(
    client: Client, alice: User, analysis: Analysis
) -> None:
    client.force_login(alice)
    page = client.get(f"/analyses/{analysis.public_id}/").text
    assert "Others also read 1 fact about camera" in page
    assert "Camera: Example 5" in page
    addresses = {}
    for ticked in (False, True):
        sent = {"days": "7"} | ({"without_camera": "on"} if ticked else {})
        client.post(f"/analyses/{analysis.public_id}/share/", sent)
        addresses[ticked] = address(ShareLink.objects.latest("pk"))
    for ticked, path in addresses.items():
        told = client.get(path).text + client.get(f"{path}report.json").text
        assert ("Example 5" in told) is not ticked
        assert "a fox in a library" in told
    kept = client.get(f"/analyses/{analysis.public_id}/").text
    assert kept.count("· without camera, time and program") == 1


def test_pictures_come_under_the_token_alone(client: Client, link: ShareLink) -> None:
    assert client.get(address(link, "image/"))["Content-Type"] == "image/webp"
    assert client.get(address(link, "heatmap/"))["Content-Type"] == "image/png"
    image = link.analysis.image
    for path in (f"/images/{image.public_id}/preview/", f"/images/{image.public_id}/original/"):
        assert client.get(path).status_code == 302
    assert client.get(address(link, "original/")).status_code == 404


def test_the_report_comes_without_the_files_name(client: Client, link: ShareLink) -> None:
    report = client.get(address(link, "report.json")).json()
    assert "file_name" not in report["image"]
    pdf = client.get(address(link, "report.pdf"))
    assert pdf["Content-Type"] == "application/pdf"
    assert reported.FILE_NAME.encode() not in pdf.content


def test_no_answer_is_kept_indexed_or_told_of(client: Client, link: ShareLink) -> None:
    unknown = "/shared/" + "x" * 32 + "/"
    for path in (*(address(link, part) for part in PARTS), unknown):
        answer = client.get(path)
        assert answer["X-Robots-Tag"].startswith("noindex"), path
        assert answer["Referrer-Policy"] == "no-referrer", path
        assert "no-store" in answer["Cache-Control"], path


def test_revoked_expired_and_unknown_are_answered_alike(
    client: Client, as_alice: Client, alice: User, analysis: Analysis, link: ShareLink
) -> None:
    expired = link_create(analysis=analysis, user=alice, days=1)
    ShareLink.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    assert as_alice.post(f"/links/{link.token}/end/").status_code == 302
    unknown = ShareLink(token="x" * 32)
    for part in PARTS:
        answers = [client.get(address(one, part)) for one in (link, expired, unknown)]
        assert [answer.status_code for answer in answers] == [404, 404, 404]
        assert len({answer.content for answer in answers}) == 1
        assert "This link shows nothing" in answers[0].content.decode()


def test_it_goes_with_the_image(client: Client, link: ShareLink, committed: Committed) -> None:
    with committed():
        images_delete(images=[link.analysis.image])
    assert [client.get(address(link, part)).status_code for part in PARTS] == [404] * len(PARTS)


def test_whoever_was_shut_out_shares_nothing_any_more(client: Client, link: ShareLink) -> None:
    User.objects.filter(email="alice@example.org").update(is_active=False)
    assert client.get(address(link)).status_code == 404


def test_its_owner_makes_it_sees_it_and_takes_it_back(
    as_alice: Client, client: Client, analysis: Analysis
) -> None:
    page = f"/analyses/{analysis.public_id}/"
    answer = as_alice.post(f"{page}share/", {"days": "7"})
    assert answer["Location"] == f"{page}#share"
    link = ShareLink.objects.get()
    assert link.expires_at - timezone.now() > timedelta(days=6, hours=23)
    shown = as_alice.get(page).content.decode()
    assert f"http://testserver/shared/{link.token}/" in shown
    assert "not opened yet" in shown
    client.get(address(link))
    client.get(address(link))
    assert "opened 2 times" in as_alice.get(page).content.decode()
    as_alice.post(f"/links/{link.token}/end/")
    assert link.token not in as_alice.get(page).content.decode()


def test_the_owner_looking_is_not_counted(as_alice: Client, link: ShareLink) -> None:
    as_alice.get(address(link))
    Client().head(address(link))
    link.refresh_from_db()
    assert link.opened_count == 0


def test_others_neither_make_nor_take_back(
    client: Client, as_charlie: Client, as_admin: Client, analysis: Analysis, link: ShareLink
) -> None:
    for path in (f"/analyses/{analysis.public_id}/share/", f"/links/{link.token}/end/"):
        assert client.post(path, {"days": "7"}).status_code == 302
        assert as_charlie.post(path, {"days": "7"}).status_code == 404
        assert as_admin.post(path, {"days": "7"}).status_code == 404
    link.refresh_from_db()
    assert link.is_open
    assert ShareLink.objects.count() == 1


def test_making_and_taking_back_are_written_down_once(
    as_alice: Client, alice: User, link: ShareLink
) -> None:
    as_alice.post(f"/links/{link.token}/end/")
    as_alice.post(f"/links/{link.token}/end/")
    events = AuditEvent.objects.filter(action__startswith="link_").order_by("pk")
    assert [(event.action, event.user) for event in events] == [
        ("link_create", alice),
        ("link_revoke", alice),
    ]
    assert events[0].details == {"days": 7}
    assert link.token not in str([event.__dict__ for event in events])


@pytest.mark.parametrize("days", ["0", "31", "-1", "many", "", "٣", "9" * 30])
def test_a_link_lasts_no_longer_than_the_site_allows(
    as_alice: Client, analysis: Analysis, days: str
) -> None:
    answer = as_alice.post(f"/analyses/{analysis.public_id}/share/", {"days": days}, follow=True)
    assert "A link lasts from 1 to 30 days." in answer.content.decode()
    assert not ShareLink.objects.exists()


def test_what_is_offered_ends_where_the_site_says(settings: Settings) -> None:
    assert days_offered() == [1, 7, 30]
    for most, offered in ((1, [1]), (3, [1, 3]), (7, [1, 7]), (90, [1, 7, 30])):
        settings.SHARE_MAX_DAYS = most
        assert days_offered() == offered


def test_only_a_finished_analysis_is_shared(alice: User) -> None:
    with pytest.raises(ShareRefused) as refused:
        link_create(analysis=work.queued(alice), user=alice, days=7)
    assert refused.value.code == "not_finished"


def test_links_do_not_pile_up(alice: User, analysis: Analysis) -> None:
    for _ in range(MOST_OPEN):
        link_create(analysis=analysis, user=alice, days=1)
    with pytest.raises(ShareRefused) as refused:
        link_create(analysis=analysis, user=alice, days=1)
    assert refused.value.code == "too_many_links"


def test_switched_off_there_is_no_button_and_no_page(
    as_alice: Client, client: Client, link: ShareLink, settings: Settings
) -> None:
    settings.SHARE_LINKS = False
    page = f"/analyses/{link.analysis.public_id}/"
    assert 'data-testid="share"' not in as_alice.get(page).content.decode()
    assert as_alice.post(f"{page}share/", {"days": "7"}).status_code == 404
    assert as_alice.post(f"/links/{link.token}/end/").status_code == 404
    assert client.get(address(link)).status_code == 404
    with pytest.raises(ShareRefused) as refused:
        link_create(analysis=link.analysis, user=link.analysis.image.submission.owner, days=7)
    assert refused.value.code == "sharing_off"


def test_reports_through_links_are_slowed_down(client: Client, link: ShareLink) -> None:
    # Within two minutes at most, so one of them sees more than it allows.
    answers = [client.get(address(link, "report.json")).status_code for _ in range(41)]
    assert answers[:20] == [200] * 20
    assert 429 in answers
    assert client.get(address(link)).status_code == 200


def test_capitals_matter_in_an_address(client: Client, link: ShareLink) -> None:
    assert client.get(f"/shared/{link.token.swapcase()}/").status_code == 404
