"""The PDF of a report: what stands on it, that it is whole in itself, and what if it cannot be."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from PIL import Image
from pypdf import PdfReader

from detection.models import Analysis, Face, ModelVersion, Track
from detection.reporting import paper, pictures
from detection.services.report_pdf import report_pdf
from detection.services.reports import Report, report_issue
from portal.models import User
from tests import images, reported, work
from tests.reported import SITE

Replace = Callable[[str], None]


@pytest.fixture
def analysis(alice: User, model: ModelVersion) -> Analysis:
    """A finished one with everything that a report can tell."""
    return reported.finished(alice, model)


def issued(analysis: Analysis, *, with_file_name: bool = True) -> Report:
    return report_issue(analysis=analysis, site=SITE, with_file_name=with_file_name)


def read(report: Report) -> PdfReader:
    return PdfReader(io.BytesIO(report_pdf(report)))


def text_of(pdf: PdfReader) -> str:
    """All text, its lines joined, as a reader takes it in."""
    return " ".join(" ".join(page.extract_text() for page in pdf.pages).split())


def test_verdict_reasons_findings_model_limits_and_hashes_stand_on_it(
    analysis: Analysis,
) -> None:
    report = issued(analysis)
    text = text_of(read(report))
    wanted = [
        *("Likely AI-generated", "High certainty", "97.0 %"),
        *(reason["sentence"] for reason in reported.REASONS),
        *(
            "What would change it",
            "a fox in a library",
            "Strong: hard to explain",
            "Hints: have many innocent reasons",
            "speaks for AI",
            "Grad-CAM",
        ),
        *(str(analysis.model_version), "An indication, never a proof.", analysis.image.sha256),
        *(reported.FILE_NAME, report.issued.code, report.check_url, report.issued.digest),
    ]
    assert [one for one in wanted if one not in text] == []
    assert text.index("Likely AI-generated") < text.index(reported.REASONS[0]["sentence"])
    assert text.count(reported.REASONS[0]["sentence"]) == 1
    assert "Nobody has looked for faces" in text
    for private in (reported.POSITION, reported.AUTHOR, analysis.image.submission.owner.email):
        assert private not in text


def test_every_page_has_its_number_and_the_code(alice: User, model: ModelVersion) -> None:
    long = [{"label": f"Line {n}", "value": "words " * 40, "is_private": False} for n in range(60)]
    finding = reported.FINDINGS[0].as_json() | {"details": long}
    report = issued(reported.finished(alice, model, findings=[finding]))
    pages = [page.extract_text() for page in read(report).pages]
    assert len(pages) > 2
    for number, text in enumerate(pages, start=1):
        assert f"page {number} of {len(pages)}" in text
        assert f"Code {report.issued.code}" in text


def test_a_file_that_says_a_megabyte_of_itself_fits_on_a_few_pages(alice: User) -> None:
    long = [{"label": f"Line {n}", "value": "word " * 2000, "is_private": False} for n in range(40)]
    finding = reported.FINDINGS[0].as_json() | {"details": long}
    findings = [{**finding, "source": f"PNG text chunk {n}"} for n in range(4)]
    report = issued(reported.finished(alice, findings=findings))
    pdf = read(report)
    assert len(pdf.pages) < 15
    text = text_of(pdf)
    assert "27 more lines: the JSON report has all of them." in text
    assert "40 more lines: the JSON report has all of them." in text
    assert report.content["findings"][3]["details"][39]["value"] == "word " * 2000


def test_a_finding_stands_on_one_page_with_the_first_rows_of_its_table(alice: User) -> None:
    told = [
        reported.FINDINGS[0].as_json()
        | {
            "sentence": f"Sentence {n}.",
            "details": [
                {"label": f"Line {row}", "value": f"Value {n}-{row}.", "is_private": False}
                for row in range(5)
            ],
        }
        for n in range(40)
    ]
    pdf = read(issued(reported.finished(alice, findings=told)))
    pages = [" ".join(page.extract_text().split()) for page in pdf.pages]
    assert len(pages) > 3
    for n in range(40):
        (page,) = [text for text in pages if f"Sentence {n}." in text]
        assert f"Line 0 Value {n}-0. · Line 1 Value {n}-1. · Line 2" in page, "the gist"
        assert f"Line 0 Value {n}-0. Line 1 Value {n}-1." in page


def test_a_usual_sheet_ends_on_two_pages(analysis: Analysis) -> None:
    assert len(read(issued(analysis)).pages) <= 2


def test_its_fonts_are_embedded_and_it_is_tagged_and_titled(analysis: Analysis) -> None:
    report = issued(analysis)
    pdf = read(report)
    fonts = [
        font.get_object()
        for page in pdf.pages
        for font in page["/Resources"]["/Font"].values()  # type: ignore[index]
    ]
    assert fonts
    for font in fonts:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert descriptor.keys() & {"/FontFile2", "/FontFile3"}, font["/BaseFont"]
    catalogue: Any = pdf.root_object
    assert catalogue["/Lang"] == "en"
    assert catalogue["/MarkInfo"]["/Marked"]
    assert pdf.metadata
    assert pdf.metadata.title == f"Evidence sheet {report.issued.code}: Likely AI-generated"


def test_image_and_overlay_stand_on_it(alice: User, model: ModelVersion) -> None:
    with_heatmap = issued(reported.finished(alice, model))
    assert len(read(with_heatmap).pages[0].images) == 2
    bare = work.ended(work.queued(alice, images.image_file("JPEG", (300, 200))))
    assert len(read(issued(bare)).pages[0].images) == 1


def test_the_heatmap_lies_over_the_image_as_strongly_as_on_the_page() -> None:
    grey = Image.new("RGB", (48, 32), (100, 100, 100))
    laid = pictures.overlaid(grey, reported.heatmap())
    assert laid.getpixel((2, 16)) == (100, 100, 100)
    red, green, _ = laid.getpixel((47, 16))  # type: ignore[misc] # RGB
    assert red == pytest.approx(0.45 * 100 + 0.55 * 255, abs=2)
    assert green == pytest.approx(0.45 * 100, abs=2)


def test_small_images_are_enlarged_pixel_by_pixel() -> None:
    checked = Image.new("RGB", (2, 1))
    checked.putpixel((1, 0), (255, 255, 255))
    shown = pictures.opened(images.encoded(checked, "PNG"))
    assert shown.size == (512, 256)
    assert set(shown.get_flattened_data()) == {(0, 0, 0), (255, 255, 255)}


def test_each_face_stands_on_it_with_its_picture(alice: User, model: ModelVersion) -> None:
    analysis = reported.finished(alice, model, content=images.image_file("JPEG", (200, 120)))
    looked = Analysis.objects.create(image=analysis.image, owner=analysis.owner, track=Track.FACE)
    work.ended(looked, verdict="", p_fake=None, reasons=[], model_version=model)
    place = {"left": 20, "top": 10, "width": 60, "height": 60, "confidence": 0.99}
    reasons = [{"code": "model_sure", "sentence": "About 90 of 100 such faces are real."}]
    Face.objects.create(
        **{"analysis": looked, "number": 1, "p_fake": 0.1, "in_domain": True, **place},
        verdict="likely_real",
        reasons=reasons,
    )
    pdf = read(issued(analysis))
    text = text_of(pdf)
    assert "Face 1: Likely real, 10.0 % probability" in text
    assert reasons[0]["sentence"] in text
    assert len(pdf.pages[0].images) == 3


def test_the_model_for_faces_stands_on_it_only_with_faces(alice: User, model: ModelVersion) -> None:
    analysis = reported.finished(alice, model, content=images.image_file("JPEG", (200, 120)))
    looked = Analysis.objects.create(image=analysis.image, owner=analysis.owner, track=Track.FACE)
    work.ended(looked, verdict="", p_fake=None, reasons=[], model_version=model)
    text = text_of(read(issued(analysis)))
    assert "No face that is large enough to be judged was found." in text
    assert "The model for faces" not in text


@pytest.mark.parametrize(
    "name",
    ["🦊🦊🦊.png", "صورة من الحفلة.png", "x" * 200 + ".png", '<b>"bold"</b> & {{ name }}.png'],
)
def test_odd_names_do_not_break_it(alice: User, name: str) -> None:
    analysis = reported.finished(alice, name=name)
    assert len(read(issued(analysis)).pages) >= 1


def test_it_reads_no_file_and_asks_no_other_machine() -> None:
    page = (
        "<html lang='en'><title>x</title><img src='file:///etc/hostname' alt='a'>"
        "<img src='https://example.org/x.png' alt='b'><link rel=stylesheet href='/x.css'>"
        "<img src='report:own.jpg' alt='c'><p>text"
    )
    own = pictures.encoded(Image.new("RGB", (4, 4), "red"))
    pdf = PdfReader(io.BytesIO(paper.pdf_of(page, {"own.jpg": own})))
    assert len(pdf.pages[0].images) == 1


def test_the_owner_downloads_it(as_alice: Client, analysis: Analysis) -> None:
    answer = as_alice.get(f"/analyses/{analysis.public_id}/report.pdf")
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"].startswith('attachment; filename="veripix-')
    assert answer.content.startswith(b"%PDF-1.7")


def test_without_the_library_a_sentence_says_so_and_json_still_comes(
    as_alice: Client, analysis: Analysis, without_pango: None
) -> None:
    address = f"/analyses/{analysis.public_id}/report"
    answer = as_alice.get(f"{address}.pdf")
    assert answer.status_code == 503
    page = answer.content.decode()
    assert "no_pdf_library" in page
    assert "A PDF needs the system library Pango" in page
    assert f'href="{address}.json"' in page
    assert json.loads(as_alice.get(f"{address}.json").content)["issued"]["code"]


def test_a_process_that_fails_is_told_and_json_still_comes(
    as_alice: Client, analysis: Analysis, instead_of_weasyprint: Replace
) -> None:
    instead_of_weasyprint("import os; os.abort()")
    answer = as_alice.get(f"/analyses/{analysis.public_id}/report.pdf")
    assert answer.status_code == 503
    assert "pdf_failed" in answer.content.decode()


def test_a_process_that_hangs_is_ended(
    as_alice: Client,
    analysis: Analysis,
    instead_of_weasyprint: Replace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    instead_of_weasyprint("import signal; signal.pause()")
    monkeypatch.setattr(paper, "MOST_SECONDS", 0.5)
    answer = as_alice.get(f"/analyses/{analysis.public_id}/report.pdf")
    assert "The PDF took too long to make." in answer.content.decode()


@pytest.fixture
def instead_of_weasyprint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Replace:
    """Lets the process that prints find this code in place of the library."""

    def replace(code: str) -> None:
        (tmp_path / "weasyprint.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return replace


@pytest.fixture
def without_pango(instead_of_weasyprint: Replace) -> None:
    """A machine on which the library finds no Pango."""
    instead_of_weasyprint("raise OSError('cannot load library libpango-1.0-0')")
