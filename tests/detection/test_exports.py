"""Many verdicts as a table for spreadsheets or as JSON: what is chosen, filtered, or handed in."""

import csv
import io
import json
from typing import Any

import jsonschema
import pytest
from django.http import StreamingHttpResponse
from django.test import Client

from detection.models import Analysis, IssuedReport, ModelVersion
from detection.reporting.table import csv_lines
from portal.models import User
from tests import reported, work
from tests.detection.test_reports import SCHEMA
from tests.fixtures import settled


def streamed(answer: Any) -> bytes:
    """What came bit by bit."""
    assert isinstance(answer, StreamingHttpResponse)
    content: bytes = answer.getvalue()
    return content


def rows(answer: Any) -> list[dict[str, str]]:
    """The table of an answer, by the names of its columns."""
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = streamed(answer).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def two(alice: User, model: ModelVersion) -> list[Analysis]:
    """Two of Alice's verdicts, the older one first."""
    return [
        reported.finished(alice, model, name="older.jpg"),
        reported.finished(alice, model, name="newer.jpg", verdict="inconclusive", certainty=""),
    ]


def test_the_whole_history_is_a_table_newest_first(
    as_alice: Client, two: list[Analysis], charlie: User
) -> None:
    reported.finished(charlie, name="not-alices.jpg")
    found = rows(as_alice.post("/history/export.csv"))
    assert [row["file_name"] for row in found] == ["newer.jpg", "older.jpg"]
    row = found[1]
    assert (row["verdict"], row["certainty"], row["percent_ai"]) == ("likely_ai", "high", "97.0")
    assert row["findings"] == "generator_settings camera_fields"
    assert row["sha256"] == two[0].image.sha256
    code = row["verification_code"]
    assert row["check_at"] == f"http://testserver/verify/{code}/"
    assert IssuedReport.objects.get(code=code).analysis == two[0]


def test_the_filters_of_the_history_hold(as_alice: Client, two: list[Analysis]) -> None:
    found = rows(as_alice.post("/history/export.csv?verdict=inconclusive"))
    assert [row["file_name"] for row in found] == ["newer.jpg"]
    assert rows(as_alice.post("/history/export.csv?q=nothing-like-this")) == []


def test_a_selection_goes_before_the_filters(as_alice: Client, two: list[Analysis]) -> None:
    chosen = {"analysis": [two[0].public_id]}
    found = rows(as_alice.post("/history/export.csv?verdict=inconclusive", chosen))
    assert [row["file_name"] for row in found] == ["older.jpg"]


def test_nobody_exports_what_is_somebody_elses(as_charlie: Client, two: list[Analysis]) -> None:
    assert rows(as_charlie.post("/history/export.csv", {"analysis": [two[0].public_id]})) == []
    submission = two[0].image.submission
    for form in ("csv", "json"):
        path = f"/submissions/{submission.public_id}/export.{form}"
        assert as_charlie.get(path).status_code == 404


def test_signed_out_there_is_none(client: Client) -> None:
    assert client.post("/history/export.csv").status_code == 302


def test_an_image_without_a_verdict_has_a_row_that_tells_its_state(
    alice: User, as_alice: Client
) -> None:
    waiting = work.queued(alice, name="waiting.png")
    (row,) = rows(as_alice.get(f"/submissions/{waiting.image.submission.public_id}/export.csv"))
    assert (row["file_name"], row["state"], row["verdict"]) == ("waiting.png", "queued", "")
    assert row["verification_code"] == ""


def test_reports_come_as_json_that_fits_the_schema(as_alice: Client, two: list[Analysis]) -> None:
    document = json.loads(streamed(as_alice.post("/history/export.json")))
    assert [one["image"]["file_name"] for one in document["reports"]] == ["newer.jpg", "older.jpg"]
    for report in document["reports"]:
        jsonschema.validate(report, SCHEMA)


def test_no_reports_are_json_too(as_alice: Client) -> None:
    document = json.loads(streamed(as_alice.post("/history/export.json")))
    assert document == {"schema_version": 1, "reports": []}


@pytest.mark.parametrize("name", ["=1+1.png", "+1.png", "-1.png", "@SUM(A1).png", "  =1+1.png"])
def test_a_spreadsheet_takes_no_name_for_a_formula(name: str) -> None:
    lines = list(csv_lines(["file_name", "percent"], [{"file_name": name, "percent": -0.5}]))
    assert lines == ["\ufefffile_name,percent\r\n", f"'{name},-0.5\r\n"]


def test_quotes_commas_newlines_and_foreign_letters_survive() -> None:
    name = 'a "b", c\nд 图.png'
    text = "".join(csv_lines(["n"], [{"n": name}])).removeprefix("\ufeff")
    assert list(csv.reader(io.StringIO(text))) == [["n"], [name]]


def test_any_length_takes_few_queries(
    alice: User, as_alice: Client, model: ModelVersion, django_assert_max_num_queries: Any
) -> None:
    made = [reported.finished(alice, model, name=f"{n}.jpg") for n in range(8)]
    settled(as_alice)
    with django_assert_max_num_queries(12 + len(made)):
        assert len(rows(as_alice.post("/history/export.csv"))) == 8
