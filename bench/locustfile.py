"""What fifty people and programs do in the load test; `python -m bench.load` runs it.

Each has an account of its own, with a session and a token, from a file in the folder that
`VERIPIX_PEOPLE` names. What was answered with success is counted there as well, to be held against
the rows afterwards.
"""

import json
import os
import random
import re
import time
from itertools import count
from pathlib import Path
from typing import Any

from locust import HttpUser, between, events, task

from bench.sample import cifake_sample
from bench.throughput import fresh

FOLDER = Path(os.environ["VERIPIX_PEOPLE"])
PEOPLE = json.loads((FOLDER / "people.json").read_text())
SAMPLE = cifake_sample(200)
MANY = 10
number = count()
taken: list[str] = []
deleted: list[str] = []


class Person(HttpUser):
    """Somebody who hands images in by the interface and looks at pages."""

    wait_time = between(0.5, 2.0)

    def on_start(self) -> None:
        """Take an account that nobody else has."""
        person = PEOPLE[next(number) % len(PEOPLE)]
        self.client.cookies.set("veripix_session", person["session"])
        self.api = {"Authorization": f"Token {person['token']}"}
        self.analyses: list[str] = []
        self.submissions: list[str] = []

    def _hand_in(self, files: list[tuple[str, bytes]], name: str) -> None:
        parts = [("images", file) for file in fresh(files)]
        with self.client.post(
            "/api/v1/submissions/", files=parts, headers=self.api, name=name, catch_response=True
        ) as answer:
            if answer.status_code not in (201, 202):
                answer.failure(f"{answer.status_code}: {answer.text[:200]}")
                return
            body: dict[str, Any] = answer.json()
            found = [one["id"] for one in body["analyses"]]
            taken.extend(found)
            self.analyses = [*self.analyses, *found][-50:]
            self.submissions = [*self.submissions, body["id"]][-10:]

    @task(8)
    def one_image(self) -> None:
        """Hand in one image."""
        self._hand_in([random.choice(SAMPLE)], "POST one image")  # noqa: S311

    @task(2)
    def many_images(self) -> None:
        """Hand in ten."""
        self._hand_in(random.sample(SAMPLE, MANY), "POST ten images")

    @task(6)
    def submission_page(self) -> None:
        """Look at a submission, as its page does every second."""
        if self.submissions:
            path = f"/submissions/{self.submissions[-1]}/"
            self.client.get(path, name="submission page")
            self.client.get(f"{path}progress/", name="submission progress")

    @task(6)
    def verdict_page(self) -> None:
        """Read a verdict with its pictures."""
        if not self.analyses:
            return
        answer = self.client.get(f"/analyses/{self.analyses[0]}/", name="verdict page")
        for path in sorted(set(re.findall(r'src="(/(?:images|analyses)/[^"]+)"', answer.text)))[:3]:
            self.client.get(path, name="picture")

    @task(4)
    def history(self) -> None:
        """Look back."""
        self.client.get("/history/", name="history")

    @task(2)
    def found(self) -> None:
        """Search."""
        self.client.get("/history/?q=real", name="history, search")

    @task(6)
    def analysis(self) -> None:
        """Ask for one verdict as a program does."""
        if self.analyses:
            path = f"/api/v1/analyses/{self.analyses[-1]}/"
            self.client.get(path, headers=self.api, name="API: one analysis")

    @task(4)
    def analyses_list(self) -> None:
        """Ask for the newest."""
        self.client.get("/api/v1/analyses/", headers=self.api, name="API: analyses")

    @task(1)
    def report(self) -> None:
        """Take a report along."""
        if self.analyses:
            path = f"/api/v1/analyses/{self.analyses[0]}/report.json"
            with self.client.get(
                path, headers=self.api, name="API: report.json", catch_response=True
            ) as answer:
                # As long as it waits there is none to give.
                if answer.status_code in (200, 409):
                    answer.success()

    @task(1)
    def leave_one(self) -> None:
        """Delete an image."""
        if len(self.analyses) > 1:
            gone = self.analyses.pop(0)
            path = f"/api/v1/analyses/{gone}/"
            answer = self.client.delete(path, headers=self.api, name="API: delete")
            if answer.status_code == 204:
                deleted.append(gone)


@events.quitting.add_listener
def keep_tally(**_: Any) -> None:
    """Write down what was answered with success."""
    tally = {"taken": taken, "deleted": deleted, "ended_at": time.time()}
    (FOLDER / "tally.json").write_text(json.dumps(tally))
