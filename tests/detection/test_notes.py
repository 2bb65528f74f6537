"""Notes and tags: one's own words on one's own images, kept tidy and shown to nobody else."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from detection.models import Analysis, ModelVersion, Tag
from detection.services.intake import images_delete
from detection.services.notes import (
    NOTE_LENGTH,
    TAGS_EACH,
    NotesRefused,
    note_write,
    tags_change,
    tags_set,
)
from detection.services.sharing import link_create
from detection.views.analyses import FIRST_TAGS
from portal.leaving import user_purge
from portal.models import User
from tests import work
from tests.fixtures import Committed, settled


def entry(owner: User, name: str = "image.png") -> Analysis:
    """A finished analysis of an image."""
    return work.ended(work.queued(owner, name=name))


def tags_of(analysis: Analysis) -> list[str]:
    """The tags of an analysis's image."""
    return list(analysis.image.tags.values_list("name", flat=True))


def test_tags_are_stripped_folded_and_kept_once(alice: User) -> None:
    analysis = entry(alice)
    names = ["  Press   Photo ", "press photo", "STRASSE", "straße", "", " , ", "a,b", "x\u200by"]
    tags_set(image=analysis.image, user=alice, names=names)
    assert tags_of(analysis) == ["a b", "press photo", "strasse", "xy"]


def test_tags_are_replaced_and_those_without_images_go(alice: User) -> None:
    first, second = entry(alice), entry(alice)
    tags_set(image=first.image, user=alice, names=["one", "both"])
    tags_set(image=second.image, user=alice, names=["both"])
    tags_set(image=first.image, user=alice, names=["new"])
    assert tags_of(first) == ["new"]
    assert tags_of(second) == ["both"]
    assert set(Tag.objects.values_list("name", flat=True)) == {"new", "both"}


def test_too_long_and_too_many_are_refused_and_change_nothing(alice: User) -> None:
    analysis = entry(alice)
    tags_set(image=analysis.image, user=alice, names=["kept"])
    with pytest.raises(NotesRefused) as refused:
        tags_set(image=analysis.image, user=alice, names=["x" * 41])
    assert refused.value.code == "tag_too_long"
    many = [str(number) for number in range(TAGS_EACH)]
    with pytest.raises(NotesRefused) as refused:
        tags_change(images=[analysis.image], user=alice, add=many)
    assert refused.value.code == "too_many_tags"
    with pytest.raises(NotesRefused) as refused:
        note_write(image=analysis.image, user=alice, text="x" * (NOTE_LENGTH + 1))
    assert refused.value.code == "note_too_long"
    assert tags_of(analysis) == ["kept"]
    assert Tag.objects.count() == 1


def test_nobody_writes_on_anothers_image(alice: User, charlie: User) -> None:
    analysis = entry(alice)
    with pytest.raises(NotesRefused, match="deleted"):
        note_write(image=analysis.image, user=charlie, text="mine")
    with pytest.raises(NotesRefused, match="deleted"):
        tags_set(image=analysis.image, user=charlie, names=["mine"])
    assert tags_change(images=[analysis.image], user=charlie, add=["mine"]) == 0
    assert not Tag.objects.exists()


def test_two_people_have_their_own_tags_of_one_name(alice: User, charlie: User) -> None:
    tags_set(image=entry(alice).image, user=alice, names=["press"])
    tags_set(image=entry(charlie).image, user=charlie, names=["press"])
    assert Tag.objects.count() == 2


def test_both_go_with_the_image(alice: User, committed: Committed) -> None:
    first, second = entry(alice), entry(alice)
    tags_set(image=first.image, user=alice, names=["gone", "both"])
    tags_set(image=second.image, user=alice, names=["both"])
    with committed():
        images_delete(images=[first.image])
    assert list(Tag.objects.values_list("name", flat=True)) == ["both"]


def test_both_go_with_the_person(alice: User) -> None:
    tags_set(image=entry(alice).image, user=alice, names=["gone"])
    user_purge(alice)
    assert not Tag.objects.exists()


def test_the_card_keeps_notes_and_tags(as_alice: Client, alice: User) -> None:
    analysis = entry(alice)
    page = f"/analyses/{analysis.public_id}/"
    as_alice.post(f"{page}note/", {"note": "  from <b>Bob</b>\r\n2nd line "})
    answer = as_alice.post(f"{page}tags/", {"add": "Press, tip"}, follow=True)
    assert answer.redirect_chain == [(f"{page}#notes", 302)]
    assert "from &lt;b&gt;Bob&lt;/b&gt;\n2nd line</textarea>" in answer.text
    assert 'href="/history/?tag=press"' in answer.text
    as_alice.post(f"{page}tags/", {"remove": "press"})
    assert tags_of(analysis) == ["tip"]


def test_a_script_gets_the_part_that_changed(as_alice: Client, alice: User) -> None:
    analysis = entry(alice)
    page, script = f"/analyses/{analysis.public_id}/", {"HTTP_HX_REQUEST": "true"}
    kept = as_alice.post(f"{page}note/", {"note": "one"}, **script)  # type: ignore[arg-type]
    assert "Kept at" in kept.text
    assert "<textarea" not in kept.text
    too_long = as_alice.post(f"{page}tags/", {"add": "x" * 41}, **script)  # type: ignore[arg-type]
    assert too_long.text.count("A tag has at most 40 characters.") == 2
    assert f'value="{"x" * 41}"' in too_long.text
    tagged = as_alice.post(f"{page}tags/", {"add": "tip"}, **script)  # type: ignore[arg-type]
    assert 'value="tip"' in tagged.text
    assert "<html" not in tagged.text


def test_nothing_is_offered_while_the_page_still_changes_by_itself(
    as_alice: Client, alice: User
) -> None:
    assert "notes-title" not in as_alice.get(f"/analyses/{work.queued(alice).public_id}/").text


def test_the_four_people(
    client: Client, as_alice: Client, as_charlie: Client, as_admin: Client, alice: User
) -> None:
    analysis = entry(alice)
    tags_set(image=analysis.image, user=alice, names=["secret-tag"])
    note_write(image=analysis.image, user=alice, text="secret-note")
    page = f"/analyses/{analysis.public_id}/"
    assert "secret-note" in as_alice.get(page).text
    for path in (f"{page}note/", f"{page}tags/"):
        assert client.post(path).status_code == 302
        assert as_charlie.post(path, {"note": "x", "add": "x"}).status_code == 404
        assert as_admin.post(path, {"note": "x", "add": "x"}).status_code == 404
    administration = [
        f"/admin/detection/analysis/{analysis.pk}/change/",
        f"/admin/detection/submission/{analysis.image.submission_id}/change/",
        "/admin/detection/analysis/?q=secret",
    ]
    for path in administration:
        answer = as_admin.get(path)
        assert answer.status_code == 200
        assert "secret-note" not in answer.text
        assert "secret-tag" not in answer.text
    assert tags_of(analysis) == ["secret-tag"]


def test_neither_leaves_with_reports_tables_or_links(
    client: Client, as_alice: Client, alice: User, model: ModelVersion
) -> None:
    analysis = work.analysed(alice)
    tags_set(image=analysis.image, user=alice, names=["secret-tag"])
    note_write(image=analysis.image, user=alice, text="secret-note")
    link = link_create(analysis=analysis, user=alice, days=1)
    answers = [
        as_alice.get(f"/analyses/{analysis.public_id}/report.json"),
        as_alice.post("/history/export.csv", {"analysis": analysis.public_id}),
        as_alice.post("/history/export.json", {"analysis": analysis.public_id}),
        client.get(f"/shared/{link.token}/"),
        client.get(f"/shared/{link.token}/report.json"),
    ]
    for answer in answers:
        assert answer.status_code == 200
        body = b"".join(answer) if answer.streaming else answer.content
        assert len(body) > 100
        assert b"secret" not in body


def names(client: Client, **filters: str) -> list[str]:
    """The file names that the history lists."""
    return [one.image.file_name for one in client.get("/history/", filters).context["page"].rows]


def test_the_history_finds_tags_and_notes(as_alice: Client, alice: User, charlie: User) -> None:
    by_name, by_tag, by_note = (entry(alice, f"{n}.png") for n in ("harbour", "2", "3"))
    entry(alice, "4.png")
    tags_set(image=by_tag.image, user=alice, names=["Old Harbour"])
    note_write(image=by_note.image, user=alice, text="at the HARBOUR, they say")
    tags_set(image=entry(charlie).image, user=charlie, names=["old harbour"])
    assert names(as_alice, q="Harbour") == ["3.png", "2.png", "harbour.png"]
    assert names(as_alice, tag="old harbour") == ["2.png"]
    assert names(as_alice, tag=" OLD  Harbour ") == ["2.png"]
    assert names(as_alice, tag="old harbour", q="3") == []
    assert names(as_alice, tag="nowhere") == []
    assert ">nowhere<" in as_alice.get("/history/", {"tag": "nowhere"}).text
    assert len(names(as_alice, tag="x" * 500)) == 4
    assert by_name.image.tags.count() == 0


def test_the_history_shows_tags_without_a_query_for_each(as_alice: Client, alice: User) -> None:
    counts = []
    settled(as_alice)
    for _ in range(2):
        for number in range(4):
            tags_set(image=entry(alice).image, user=alice, names=["press", f"no {number}"])
        with CaptureQueriesContext(connection) as queries:
            answer = as_alice.get("/history/")
        counts.append(len(queries))
    assert answer.text.count("<span>press</span>") == 8
    assert 'href="?tag=press">press <span class="tag-count">8</span>' in answer.text
    assert counts[0] == counts[1]


def test_many_are_tagged_at_once(as_alice: Client, alice: User, charlie: User) -> None:
    first, second, other = entry(alice), entry(alice), entry(charlie)
    tags_set(image=first.image, user=alice, names=["before"])
    chosen = [one.public_id for one in (first, second, other)]
    fields = {"analysis": chosen, "tags": "Press, tip", "next": "/history/?q=png"}
    answer = as_alice.post("/history/tag/", fields, follow=True)
    assert answer.redirect_chain == [("/history/?q=png", 302)]
    assert "2 images tagged." in answer.text
    assert tags_of(first) == ["before", "press", "tip"]
    assert tags_of(second) == ["press", "tip"]
    assert tags_of(other) == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"tags": "press"}, "No image was chosen"),
        ({"tags": " , ", "analysis": ["own"]}, "No tag was typed"),
        ({"tags": "x" * 41, "analysis": ["own"]}, "at most 40 characters"),
    ],
)
def test_what_cannot_be_tagged_is_said(
    as_alice: Client, alice: User, fields: dict[str, object], sentence: str
) -> None:
    analysis = entry(alice)
    if "analysis" in fields:
        fields = {**fields, "analysis": [analysis.public_id]}
    assert sentence in as_alice.post("/history/tag/", fields, follow=True).text
    assert tags_of(analysis) == []


def test_the_history_shows_the_most_used_tags_and_the_others_on_demand(
    as_alice: Client, alice: User
) -> None:
    names = [f"tag {number:02}" for number in range(FIRST_TAGS + 2)]
    tags_set(image=entry(alice).image, user=alice, names=names[:FIRST_TAGS])
    tags_set(image=entry(alice).image, user=alice, names=names[:FIRST_TAGS])
    assert 'data-testid="more-tags"' not in as_alice.get("/history/").text
    tags_set(image=entry(alice).image, user=alice, names=names[FIRST_TAGS:])
    before, _, after = as_alice.get("/history/").text.partition('data-testid="more-tags"')
    assert [name for name in names if f">{name} <span" in before] == names[:FIRST_TAGS]
    assert [name for name in names if f">{name} <span" in after] == names[FIRST_TAGS:]


def test_the_field_says_that_commas_part_tags(as_alice: Client, alice: User) -> None:
    page = as_alice.get(f"/analyses/{entry(alice).public_id}/").text
    assert "Several at once: with commas between them." in page
