"""What people and workers ask of a database that has grown; run once for each size, in turns.

A process of its own: it reads a line (scene and how often) and answers with a line of JSON.
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Scene = Callable[[], Any]
PAGES_AWAY = 200
EXPLAINED = ("SELECT", "(SELECT")


class Rollback(Exception):
    """Takes back what a scene has locked."""


def scenes() -> dict[str, Scene]:
    """Return every scene by its name; each asks once and checks that it was answered."""
    from allauth.account.models import EmailAddress
    from django.conf import settings
    from django.db import transaction
    from django.test import Client
    from django.urls import NoReverseMatch, reverse
    from django.utils import timezone

    from detection.models import Analysis, Priority, Queue, State, SubmittedImage, Tag
    from detection.services import turns, workload
    from detection.services.history import Place
    from detection.services.seeding import seeded_users
    from detection.services.seeding.rows import RARE
    from detection.services.seen_before import sightings
    from portal.models import User
    from portal.tokens import token_create

    people = list(seeded_users())
    heavy, ordinary = people[0], people[1]
    admin = User.objects.filter(is_superuser=True).first() or User.objects.create_superuser(
        "admin@bench.example.org"
    )
    clients = {user.pk: Client(SERVER_NAME="localhost") for user in (heavy, ordinary, admin)}
    for user in (heavy, ordinary, admin):
        clients[user.pk].force_login(user)
    # A program is answered like a person: once the address was verified.
    EmailAddress.objects.get_or_create(user=heavy, email=heavy.email, verified=True, primary=True)
    _, token = token_create(user=heavy, name="bench", scopes=["read"], days=7)

    def page(user: Any, path: str, **query: str) -> Scene:
        def ask() -> None:
            answer = clients[user.pk].get(path, query, follow=False)
            assert answer.status_code == 200, (path, query, answer.status_code, answer.text[:500])

        return ask

    def api(path: str, **query: str) -> Scene:
        def ask() -> None:
            header = {"Authorization": f"Token {token}"}
            answer = clients[heavy.pk].get(path, query, headers=header)
            assert answer.status_code == 200, (path, query, answer.status_code, answer.text[:500])

        return ask

    def far(user: Any) -> str:
        mine = Analysis.objects.visible_to(user).on_images().current().newest_first()
        rows = mine.values_list("created_at", "pk")
        away = rows[PAGES_AWAY * settings.HISTORY_PAGE_SIZE :][:1] or rows[mine.count() // 2 :][:1]
        return str(Place(*away[0]))

    tag = Tag.objects.visible_to(heavy).most_used_first()[0].name
    newest = Analysis.objects.visible_to(heavy).on_images().current().newest_first()[0]
    middle = SubmittedImage.objects.order_by("pk")[SubmittedImage.objects.count() // 2]
    history = reverse("history")
    found: dict[str, Scene] = {
        "history, heaviest user": page(heavy, history),
        "history, another user": page(ordinary, history),
        "history, 200 pages back, heaviest": page(heavy, history, older=far(heavy)),
        "history, upwards from there": page(heavy, history, newer=far(heavy)),
        "history by verdict": page(heavy, history, verdict="inconclusive"),
        "history by state: failed": page(heavy, history, state="failed"),
        "history by state: waiting (none)": page(heavy, history, state="queued"),
        "history of half a year": page(heavy, history, since="2025-01-01", until="2025-06-30"),
        "history by tag": page(heavy, history, tag=tag),
        "history by tag and verdict": page(heavy, history, tag=tag, verdict="likely_real"),
        "history, a common word": page(heavy, history, q="holiday"),
        "history, a rare word": page(heavy, history, q=RARE),
        "history, a word that is nowhere": page(heavy, history, q="nowhere to be found"),
        "page of a verdict": page(heavy, reverse("analysis_detail", args=[newest.public_id])),
        "page of a submission": page(
            heavy, reverse("submission_detail", args=[newest.image.submission.public_id])
        ),
        "page to hand in, with the latest": page(heavy, reverse("submission_new")),
        "panel: analyses": page(admin, reverse("admin:detection_analysis_changelist")),
        "panel: analyses that failed": page(
            admin, reverse("admin:detection_analysis_changelist"), state__exact="failed"
        ),
        "panel: analyses by verdict": page(
            admin, reverse("admin:detection_analysis_changelist"), verdict__exact="inconclusive"
        ),
        "panel: filters that nothing fits": page(
            admin,
            reverse("admin:detection_analysis_changelist"),
            verdict__exact="likely_ai",
            state__exact="failed",
        ),
        "panel: by sha256": page(
            admin, reverse("admin:detection_analysis_changelist"), q=middle.sha256
        ),
        "panel: by id": page(
            admin, reverse("admin:detection_analysis_changelist"), q=newest.public_id
        ),
        "panel: by address": page(
            admin, reverse("admin:detection_analysis_changelist"), q=ordinary.email
        ),
        "panel: by address, heaviest": page(
            admin, reverse("admin:detection_analysis_changelist"), q=heavy.email
        ),
        "panel: by file name": page(admin, reverse("admin:detection_analysis_changelist"), q=RARE),
        "panel: submissions": page(admin, reverse("admin:detection_submission_changelist")),
        "panel: submissions by address": page(
            admin, reverse("admin:detection_submission_changelist"), q=heavy.email
        ),
        "panel: people": page(admin, reverse("admin:portal_user_changelist")),
    }
    with suppress(NoReverseMatch):
        listed = reverse("api_analyses")
        found["API: analyses"] = api(listed)
        found["API: analyses that failed"] = api(listed, state="failed")
        found["API: submissions"] = api(reverse("api_submissions"))
    with suppress(NoReverseMatch):
        found["page for staff: status"] = page(admin, reverse("admin:status"))

    def claim() -> None:
        with suppress(Rollback), transaction.atomic():
            turns._next(Queue.INFERENCE)
            raise Rollback

    lease = timezone.now()
    found |= {
        "worker: claim of the next": claim,
        "intake: the next turn": lambda: turns.turns_give(
            owner_id=heavy.pk, queue=Queue.INFERENCE, priority=Priority.SINGLE, count=1
        ),
        "intake: seen before": lambda: sightings(image=newest.image, user=heavy),
        "sweeper: what was lost": lambda: [
            list(Analysis.objects.abandoned(lease).values_list("pk")[:1]),
            list(Analysis.objects.lost_in_queue(lease).values_list("pk")[:1]),
            list(Analysis.objects.never_enqueued(lease).values_list("pk")[:1]),
            Analysis.objects.on_images().first_looks().active_since(lease).exists(),
        ],
        "metrics: queues": workload.queue_figures,
        "metrics: done lately": workload.done_lately,
        "metrics: failures lately": workload.failures_lately,
    }
    assert not Analysis.objects.filter(state=State.QUEUED).exists()
    return found


def reads() -> int:
    """Return how many rows and index entries this connection has read so far."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%%'", ())
        return sum(int(count) for _, count in cursor.fetchall())


def read_by(scene: Scene) -> int:
    """Return how many rows and index entries a scene reads."""
    before = reads()
    own = reads() - before
    before = reads()
    scene()
    return reads() - before - own


def timed(scene: Scene, times: int) -> list[float]:
    """Return how many milliseconds each of so many turns took."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        scene()
        taken.append(1000 * (time.perf_counter() - begun))
    return taken


def plans(scene: Scene) -> list[dict[str, Any]]:
    """Return of each query of a scene: its text, and of each of its tables index and rows read."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        scene()
    found = []
    for query in captured.captured_queries:
        if not query["sql"].startswith(EXPLAINED):
            continue
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE FORMAT=JSON " + query["sql"].replace("%", "%%"), ())
            (told,) = cursor.fetchone()
        plan = json.loads(told)
        tables = list(_tables(plan))
        found.append(
            {
                "sql": query["sql"],
                "tables": tables,
                "milliseconds": plan["query_block"].get("r_total_time_ms", 0.0),
                "sorts": "filesort" in told,
            }
        )
    return found


def _tables(plan: Any) -> Any:
    """Yield each table of a plan: name, access, index, rows that were read of it."""
    if isinstance(plan, dict):
        if "table_name" in plan and "access_type" in plan:
            rows = (plan.get("r_rows") or 0) * (plan.get("r_loops") or 0)
            yield {
                "table": re.sub("^detection_", "", plan["table_name"]),
                "access": plan["access_type"],
                "key": plan.get("key", ""),
                "rows": round(rows),
                "covers": bool(plan.get("using_index")),
            }
        for inner in plan.values():
            yield from _tables(inner)
    elif isinstance(plan, list):
        for inner in plan:
            yield from _tables(inner)


def main() -> None:
    """Answer the lines of the process that measures, until it ends."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django

    django.setup()
    found = scenes()
    print(json.dumps(list(found)), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        scene = found[asked["scene"]]
        match asked["what"]:
            case "time":
                answer: Any = timed(scene, asked["times"])
            case "reads":
                answer = read_by(scene)
            case _:
                answer = plans(scene)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
