"""Hand images in, wait for the verdicts, print them, and keep the reports.

    VERIPIX_URL=https://veripix.example.org VERIPIX_TOKEN=vpx_... python client.py photo.jpg ...

Needs Python 3.11 and `requests`, nothing of Veripix. A token with both scopes is made on the
account page. What went wrong on the way (a lost connection, a busy server) is tried again: with
its `Idempotency-Key` a submission is taken in once, however often it is sent.
"""

import os
import sys
import time
import uuid
from pathlib import Path

import requests

URL = os.environ["VERIPIX_URL"].rstrip("/")
TOKEN = os.environ["VERIPIX_TOKEN"]
TRIES = 5
# Worth another try: asked too often, still being answered, or away for a moment.
AGAIN = {429, 502, 503, 504}


def ask(session: requests.Session, method: str, url: str, **options) -> requests.Response:
    """Send a request, again after a while where that may help; other errors end the program."""
    for left in reversed(range(TRIES)):
        wait = 2.0
        try:
            answer = session.request(method, url, timeout=60, **options)
        except requests.ConnectionError as error:
            trouble = str(error)
        else:
            if answer.ok:
                return answer
            told = answer.json()["error"]
            trouble = f"{told['code']}: {told['message']}"
            is_early = told["code"] == "idempotency_in_progress"
            if answer.status_code not in AGAIN and not is_early:
                break
            wait = float(answer.headers.get("Retry-After", wait))
        if left:
            time.sleep(wait)
    raise SystemExit(f"{method} {url}: {trouble}")


def hand_in(session: requests.Session, paths: list[Path]) -> dict:
    """Send the files as one submission."""
    files = [("images", (path.name, path.read_bytes())) for path in paths]
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    return ask(session, "POST", f"{URL}/api/v1/submissions/", files=files, headers=headers).json()


def wait_for(session: requests.Session, submission: dict) -> None:
    """Ask how far it is, as often as the server says, until all of it has ended."""
    while True:
        answer = ask(session, "GET", submission["url"])
        if answer.json()["is_finished"]:
            return
        time.sleep(float(answer.headers.get("Retry-After", 1)))


def main(names: list[str]) -> None:
    """Print a line for each image, and keep its report beside this program's work."""
    session = requests.Session()
    session.headers["Authorization"] = f"Token {TOKEN}"
    submission = hand_in(session, [Path(name) for name in names])
    for refusal in submission["refusals"]:
        print(f"{refusal['file_name']}: refused: {refusal['message']}")
    wait_for(session, submission)
    # The answer names them in the order in which they were sent; lists begin with the newest.
    for brief in submission["analyses"]:
        analysis = ask(session, "GET", brief["url"]).json()
        name, verdict = analysis["image"]["file_name"], analysis["verdict"]
        if verdict is None:
            print(f"{name}: {analysis['state']}: {analysis['error']['message']}")
            continue
        number = verdict["percent_ai"]
        percent = "" if number is None else f" ({number} % AI)"
        print(f"{name}: {verdict['label']}{percent}: {verdict['reasons'][0]['sentence']}")
        report = Path(f"report-{analysis['id']}.pdf")
        report.write_bytes(ask(session, "GET", analysis["reports"]["pdf"]).content)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit("Name at least one image.")
    main(sys.argv[1:])
