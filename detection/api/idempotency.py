"""`Idempotency-Key`: a POST that is sent twice is carried out once."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any

from django.db import transaction
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from detection.api.errors import Refused
from detection.models import Submission
from detection.services.idempotency import (
    request_begin,
    request_end,
    request_forget,
    request_makes,
)

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
SHAPE = re.compile(r"[\x21-\x7e]{1,255}")
Handler = Callable[..., Response]
Made = Callable[[Submission], None]


def idempotent(handler: Handler) -> Handler:
    """Decorate a view's `post`: with the header, its answer is kept for a day and given again.

    What the handler does and its answer are one transaction: of a process that is killed in
    between nothing is left, and the same request may be sent again. So the handler may neither
    write files nor wait for anybody; messages are sent on commit.

    What ends in an exception has changed nothing and is not kept, so it may be sent again with
    the same key. What the handler returns is kept, refusals that it returns included.
    """
    return _kept(handler, transaction.atomic)


def idempotent_in_steps(handler: Handler) -> Handler:
    """Decorate a `post` that takes long or writes files, and so commits more than once.

    It either does the same when it is done twice, or notes what it makes by `noting`: then that is
    taken back before the request is carried out once more.
    """
    return _kept(handler, nullcontext)


def _kept(handler: Handler, whole: Callable[[], AbstractContextManager[Any]]) -> Handler:
    @wraps(handler)
    def handle(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return handler(view, request, *args, **kwargs)
        if not SHAPE.fullmatch(key):
            sentence = "A key has 1 to 255 visible ASCII characters, and no spaces."
            raise Refused("invalid", sentence, field=HEADER)
        kept = request_begin(owner=request.user, key=key, fingerprint=_fingerprint(request))
        if kept.status is not None:
            return _again(kept.status, kept.body)
        is_answered = False
        request.kept_request = kept
        try:
            with whole():
                answer = handler(view, request, *args, **kwargs)
                body = json.loads(JSONRenderer().render(answer.data) or "null")
                request_end(request=kept, status=answer.status_code, body=body)
            is_answered = True
        finally:
            if not is_answered:
                request_forget(request=kept)
        return answer

    handle.is_idempotent = True  # type: ignore[attr-defined] # for the schema
    return handle


def noting(request: Request) -> Made | None:
    """Return what notes with the key of a request, where it has one, the submission it makes."""
    kept = getattr(request, "kept_request", None)
    return (
        None
        if kept is None
        else lambda submission: request_makes(request=kept, submission=submission)
    )


def _again(status: int, body: Any) -> Response:
    headers = {REPLAYED: "true"}
    if status in (201, 202) and isinstance(body, dict) and "url" in body:
        headers["Location"] = body["url"]
    return Response(body, status=status, headers=headers)


def _fingerprint(request: Request) -> str:
    """Return the SHA-256 of method, address and everything that was sent, files included."""
    whole = hashlib.sha256()
    for part in _parts(request):
        # Each part by its own hash: so no two requests differ only in where a part ends.
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()


def _parts(request: Request) -> Iterator[bytes]:
    yield f"{request.method} {request.get_full_path()}".encode()
    if not request.FILES:
        sent = request.data
        yield sent if isinstance(sent, bytes) else json.dumps(sent, sort_keys=True).encode()
        return
    for name, texts in sorted(request.POST.lists()):
        yield json.dumps([name, texts]).encode()
    for name, files in sorted(request.FILES.lists(), key=lambda pair: pair[0]):
        for file in files:
            content = hashlib.sha256()
            for chunk in file.chunks():
                content.update(chunk)
            file.seek(0)
            yield json.dumps([name, file.name, content.hexdigest()]).encode()
