"""The verdict page tells what the file says, by strength, and how certain the verdict is."""

import re
from dataclasses import replace
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from detection.findings import Detail, Finding
from detection.models import Analysis, ModelVersion
from portal.models import User
from tests import images, work

PLACE = Detail("Position", "48.137154, 11.576124", is_private=True)
CAMERA = Finding(
    *("camera", "camera_record", "EXIF", "moderate", "real"),
    "A camera wrote its name and exposure. Anybody can write such fields.",
    (Detail("Maker", "Veripix Optics"), PLACE),
)
SIGNED = Finding(
    *("credentials", "signed_ai", "C2PA manifest", "conclusive", "ai"),
    "Somebody who is trusted here signed that AI made this image.",
)
CONTEXT = Finding(
    *("compression", "compression", "JPEG tables", "context", "neutral"),
    "It was saved at a quality of about 92.",
)


def page_of(client: Client, analysis: Analysis) -> str:
    answer = client.get(reverse("analysis_detail", args=[analysis.public_id]))
    assert answer.status_code == 200
    return answer.text


def with_findings(owner: User, *findings: Finding, **fields: Any) -> Analysis:
    stored = [finding.as_json() for finding in findings]
    return work.ended(work.queued(owner), findings=stored, **fields)


def test_findings_are_grouped_by_strength(as_alice: Client, alice: User) -> None:
    page = page_of(as_alice, with_findings(alice, SIGNED, CAMERA, CONTEXT))
    headings = re.findall(r'<h3 id="findings-(\w+)">(.*?) <span', page)
    assert headings == [
        *(("conclusive", "Conclusive"), ("moderate", "Moderate"), ("context", "Good to know")),
    ]
    for finding in (SIGNED, CAMERA, CONTEXT):
        assert finding.sentence in page
        assert f'data-code="{finding.code}"' in page
    assert "speaks for AI" in page
    assert "Veripix Optics" in page


def test_private_lines_are_marked_for_the_owner_and_nobody_else_has_the_page(
    as_alice: Client, as_charlie: Client, client: Client, alice: User
) -> None:
    analysis = with_findings(alice, CAMERA)
    page = page_of(as_alice, analysis)
    assert PLACE.value in page
    assert "only you see this" in page
    address = reverse("analysis_detail", args=[analysis.public_id])
    assert as_charlie.get(address).status_code == 404
    assert client.get(address).status_code == 302


def test_a_file_that_says_nothing_proves_nothing(as_alice: Client, alice: User) -> None:
    assert "That proves nothing" in page_of(as_alice, with_findings(alice))


def test_what_a_file_says_is_shown_as_text(as_alice: Client, alice: User) -> None:
    said = "<script>alert(1)</script>\nsecond line"
    finding = Finding(
        *("generator", "generator_record", "PNG text chunk", "strong", "ai"),
        f"It says {said}.",
        (Detail("Prompt <b>", said),),
    )
    page = page_of(as_alice, with_findings(alice, finding))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "Prompt &lt;b&gt;" in page


@pytest.mark.parametrize(
    ("certainty", "words"),
    [
        ("settled", "Settled by a signature"),
        ("high", "High certainty"),
        ("moderate", "Moderate certainty"),
        ("low", "Low certainty"),
    ],
)
def test_the_certainty_stands_with_the_verdict(
    as_alice: Client, alice: User, certainty: str, words: str
) -> None:
    page = page_of(as_alice, with_findings(alice, certainty=certainty))
    assert f'data-certainty="{certainty}"' in page
    assert words in page
    assert 'data-testid="certainty"' not in page_of(as_alice, with_findings(alice, certainty=""))


def test_where_the_file_decided_the_networks_number_does_not_stand_in_its_place(
    as_alice: Client, alice: User, model: ModelVersion
) -> None:
    reasons = [{"code": "signed_ai", "sentence": SIGNED.sentence}]
    analysis = with_findings(
        *(alice, SIGNED),
        certainty="settled",
        p_fake=0.02,
        reasons=reasons,
        model_version=model,
    )
    page = page_of(as_alice, analysis)
    assert "which did not decide this" in page
    assert 'class="verdict-number"' not in page
    assert "As trustworthy as the signer" in page
    for name in ("history", "submission_detail"):
        keys = [analysis.image.submission.public_id] if name != "history" else []
        listed = as_alice.get(reverse(name, args=keys)).text
        assert "Settled by a signature" in listed
        assert "2.0 % AI" not in listed


def test_a_photograph_that_the_file_decides_has_no_banner_without_verdict(
    as_alice: Client, alice: User
) -> None:
    reasons = [
        {"code": "file_says_ai", "sentence": "It holds the settings of a generator."},
        {"code": "no_validated_model", "sentence": "No model."},
    ]
    decided = {"reasons": reasons, "p_fake": None, "in_domain": False, "certainty": "low"}
    page = page_of(as_alice, with_findings(alice, **decided))
    assert 'data-testid="out-of-domain"' not in page
    label = [{"code": "label_says_ai", "sentence": "A label."}, *reasons[1:]]
    undecided = {**decided, "reasons": label, "verdict": "inconclusive", "certainty": ""}
    page = page_of(as_alice, with_findings(alice, **undecided))
    assert 'data-testid="out-of-domain" data-code="no_validated_model"' in page


def test_it_says_what_would_change_the_verdict(as_alice: Client, alice: User) -> None:
    page = page_of(as_alice, with_findings(alice, would_change=["A better copy would."]))
    assert "What would change it" in page
    assert "A better copy would." in page


def test_lists_leave_findings_where_they_are(alice: User) -> None:
    with_findings(alice, CAMERA)
    (listed,) = Analysis.objects.visible_to(alice).for_lists()
    assert listed.get_deferred_fields() >= {"findings", "would_change"}


def test_the_signed_thumbnail_is_private(
    as_alice: Client, as_charlie: Client, as_admin: Client, alice: User
) -> None:
    analysis = with_findings(alice, SIGNED)
    address = reverse("analysis_signed_thumbnail", args=[analysis.public_id])
    assert as_alice.get(address).status_code == 404
    analysis.signed_thumbnail.save("any", ContentFile(images.plain("red")))
    assert f'src="{address}"' in page_of(as_alice, analysis)
    for visitor, status in ((as_alice, 200), (as_charlie, 404), (as_admin, 200)):
        assert visitor.get(address).status_code == status
    assert "sandbox" in as_alice.get(address)["Content-Security-Policy"]


def test_the_gist_of_a_finding_gives_labels_where_a_value_alone_does_not_speak(
    as_alice: Client, alice: User
) -> None:
    notes = Finding(
        *("generator", "generator_record", "PNG text chunk", "strong", "ai"),
        "It tells how it was made.",
        (
            Detail("Generator", "ComfyUI"),
            Detail("Prompt", "a frog", is_private=True),
            Detail("Model", "dreamshaper_8"),
            Detail("Seed", "3141592653"),
        ),
    )
    camera = (Detail("Maker", "Canon"), Detail("Model", "EOS 5D"), Detail("Aperture", "f/2"))
    page = page_of(as_alice, with_findings(alice, notes, replace(CAMERA, details=camera)))
    assert ">ComfyUI · Model dreamshaper_8 · Seed 3141592653<" in page
    assert ">Canon · EOS 5D · Aperture f/2<" in page
