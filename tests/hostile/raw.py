"""Requests that no browser sends, over a socket: bytes as they are."""

import json
import socket
from dataclasses import dataclass

from tests.hostile.doors import BOUNDARY, Doors
from tests.images import image_file

PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Raw:
    """A request's path, headers and body, and the statuses that are right; 0 is a closed line."""

    path: str
    body: bytes
    headers: tuple[tuple[str, str], ...]
    statuses: frozenset[int]
    as_program: bool = False
    has_length: bool = True


def raw(
    path: str, body: bytes, statuses: set[int], *, as_program: bool = False, **headers: str
) -> Raw:
    """Return a request; `_` in the names of headers is `-`."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    has_length = not {"Content-Length", "Transfer-Encoding"} & {name for name, _ in named}
    return Raw(path, body, named, frozenset(statuses), as_program, has_length)


def part(head: bytes, content: bytes = b"") -> bytes:
    """A part of a form with this head."""
    return b"--" + BOUNDARY.encode() + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


END = b"--" + BOUNDARY.encode() + b"--\r\n"
BARE = "multipart/form-data"
FORM = f"{BARE}; boundary={BOUNDARY}"
PLAIN_FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
DISPOSITION = b"Content-Disposition: form-data; name="


def files(name: bytes, file_name: bytes, content: bytes | None = None) -> bytes:
    """A form with one file, whose name is written as it is."""
    head = DISPOSITION + b'"%s"; filename="%s"' % (name, file_name)
    return part(head, image_file() if content is None else content) + END


def forms(upload: str) -> dict[str, Raw]:
    """Forms with files; `upload` is the address of an open submission's images."""
    sound = files(b"image", b"a.jpg")
    many = b"".join(part(DISPOSITION + b'"f%d"' % n, b"x") for n in range(1000)) + sound
    more = b"".join(part(DISPOSITION + b'"f%d"' % n, b"x") for n in range(5000)) + sound
    pictures = b"".join(
        part(DISPOSITION + b'"image"; filename="%d.jpg"' % n, b"x") for n in range(400)
    )
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(sound), sound)
    return {
        "sound": raw(upload, sound, {201}, Content_Type=FORM),
        "no boundary": raw(upload, sound, {400, 403}, Content_Type=BARE),
        "empty boundary": raw(upload, sound, {400, 403}, Content_Type=f"{BARE}; boundary="),
        "boundary of 5,000 letters": raw(
            upload, sound, {400, 403, 422}, Content_Type=f"{BARE}; boundary=" + "a" * 5000
        ),
        "boundary with odd letters": raw(
            upload, sound, {400, 403, 422}, Content_Type='multipart/form-data; boundary="\t\\""'
        ),
        "another boundary": raw(
            upload, sound, {400, 422}, Content_Type="multipart/form-data; boundary=b"
        ),
        "no end": raw(upload, sound[: -len(END)], {201, 400, 422}, Content_Type=FORM),
        "no body": raw(upload, b"", {400, 422}, Content_Type=FORM),
        "no type": raw(upload, sound, {422}),
        "another type": raw(upload, sound, {422}, Content_Type="text/plain"),
        "alphabet that is none": raw(
            upload, sound, {201, 400, 422}, Content_Type=FORM + "; charset=klingon"
        ),
        "alphabet of 7 bits": raw(
            upload, sound, {201, 400, 422}, Content_Type=FORM + "; charset=utf-7"
        ),
        "a thousand fields": raw(upload, many, {201}, Content_Type=FORM),
        "five thousand fields": raw(upload, more, {400}, Content_Type=FORM),
        "400 files": raw(upload, pictures + END, {400}, Content_Type=FORM),
        "field of 10 MB": raw(
            upload,
            part(DISPOSITION + b'"x"', bytes(10_000_000)) + sound,
            {400, 413},
            Content_Type=FORM,
        ),
        "name of a field of 10 kB": raw(
            upload,
            part(DISPOSITION + b'"%s"' % (b"x" * 10_000)) + sound,
            {201, 400},
            Content_Type=FORM,
        ),
        "chunked": raw(
            upload, chunked, {201, 400, 411, 422}, Content_Type=FORM, Transfer_Encoding="chunked"
        ),
        "chunked, a size that is none": raw(
            upload, b"zz\r\nabc", {0, 400, 422}, Content_Type=FORM, Transfer_Encoding="chunked"
        ),
        "chunked, of 4 GB": raw(
            upload,
            b"ffffffffffffffffffff\r\nabc",
            {0, 400, 408, 422},
            Content_Type=FORM,
            Transfer_Encoding="chunked",
        ),
        "chunked and measured": raw(
            upload,
            chunked,
            {0, 201, 400, 422},
            Content_Type=FORM,
            Transfer_Encoding="chunked",
            Content_Length="10",
        ),
        "packed": raw(
            upload, sound, {201, 400, 415, 422}, Content_Type=FORM, Content_Encoding="gzip"
        ),
        "coded": raw(
            upload,
            part(
                DISPOSITION + b'"image"; filename="a.jpg"\r\nContent-Transfer-Encoding: base64',
                b"!!!",
            )
            + END,
            {400, 422},
            Content_Type=FORM,
        ),
        "length too short": raw(
            upload, sound, {201, 400, 422}, Content_Type=FORM, Content_Length=str(len(sound) // 2)
        ),
        "length below nothing": raw(
            upload, sound, {0, 400}, Content_Type=FORM, Content_Length="-1"
        ),
        "length that is none": raw(
            upload, sound, {0, 400}, Content_Type=FORM, Content_Length="many"
        ),
        "length beyond reason": raw(
            upload, b"x", {0, 400, 408, 413, 422}, Content_Type=FORM, Content_Length="9" * 30
        ),
        "expects to go on": raw(upload, sound, {201}, Content_Type=FORM, Expect="100-continue"),
        "file name that is no UTF-8": raw(
            upload, files(b"image", b"\xff\xfe\x80.jpg"), {201, 400, 422}, Content_Type=FORM
        ),
        "file name with NUL": raw(
            upload, files(b"image", b"a\0b.jpg"), {201, 422}, Content_Type=FORM
        ),
        "file name with a line": raw(
            upload,
            files(b"image", b"a\r\nSet-Cookie: stolen=1\r\n\r\n.jpg"),
            {201, 400, 422},
            Content_Type=FORM,
        ),
        "file name in RFC 2231": raw(
            upload,
            part(DISPOSITION + b"image; filename*=utf-8''..%2f..%2f%00a.jpg", image_file()) + END,
            {201, 400, 422},
            Content_Type=FORM,
        ),
        "file name in an alphabet that is none": raw(
            upload,
            part(DISPOSITION + b"image; filename*=klingon''a.jpg", image_file()) + END,
            {201, 400, 422},
            Content_Type=FORM,
        ),
        "field name with NUL": raw(upload, files(b"im\0age", b"a.jpg"), {422}, Content_Type=FORM),
        "values that are no UTF-8": raw(
            "/batches/open/", b"name=%ff%fe&size=%80", {422}, Content_Type=PLAIN_FORM
        ),
        "half a code": raw("/batches/open/", b"name=%&size=%1&%", {422}, Content_Type=PLAIN_FORM),
        "form of 5 MB": raw(
            "/batches/open/",
            b"name=" + b"a" * 5_000_000,
            {400, 413},
            Content_Type=PLAIN_FORM,
        ),
        "form of 100,000 fields": raw(
            "/batches/open/", b"a&" * 100_000, {400}, Content_Type=PLAIN_FORM
        ),
    }


def heads() -> dict[str, Raw]:
    """Requests whose first lines are the trouble."""
    long = "a" * 100_000
    return {
        "header of 100 kB": raw("/", b"", {0, 400, 431}, X_Long=long),
        "cookie of 100 kB": raw("/", b"", {0, 400, 431}, Cookie=long),
        "address of 100 kB": raw("/" + long, b"", {0, 400, 414, 404, 405}),
        "address with NUL": raw("/submissions/a%00b/", b"", {403, 404, 405}),
        "address that is no UTF-8": raw("/submissions/%ff%fe/", b"", {400, 403, 404, 405}),
        "address that climbs": raw("/static/../../../../etc/passwd", b"", {400, 403, 404, 405}),
        "address that climbs, coded": raw("/static/%2e%2e/%2e%2e/etc/passwd", b"", {403, 404, 405}),
        "query with NUL": raw("/history/?q=%00&tag=%00&page=%00", b"", {400, 403, 404, 405}),
        "another host": raw("/", b"", {0, 400}, Host="evil.example"),
        "hosts": raw("/", b"", {0, 400}, Host="localhost, evil.example"),
    }


def programs() -> dict[str, Raw]:
    """JSON for the interface."""

    def told(path: str, body: bytes, statuses: set[int]) -> Raw:
        return raw(path, body, statuses, as_program=True, Content_Type=JSON)

    hooks, batches, images = "/api/v1/webhooks/", "/api/v1/batches/", "/api/v1/submissions/"
    return {
        "deep JSON": told(hooks, b"[" * 40_000 + b"]" * 40_000, {400, 422}),
        "deep objects": told(hooks, b'{"a":' * 15_000 + b"1" + b"}" * 15_000, {400, 422}),
        "half a JSON": told(hooks, b'{"url":', {400}),
        "keys twice": told(
            batches, b'{"name":"a","name":"b","upload_bytes":1,"upload_bytes":2}', {201}
        ),
        "number of 1e400": told(batches, b'{"name":"a","upload_bytes":1e400}', {400, 422}),
        "number below nothing": told(batches, b'{"name":"a","upload_bytes":-1e400}', {400, 422}),
        "not a number": told(batches, b'{"name":"a","upload_bytes":NaN}', {400, 422}),
        "endless number": told(batches, b'{"name":"a","upload_bytes":Infinity}', {400, 422}),
        "number of 50,000 digits": told(
            batches, b'{"name":"a","upload_bytes":' + b"9" * 50_000 + b"}", {400, 422}
        ),
        "number of half": told(batches, b'{"name":"a","upload_bytes":0.5}', {422}),
        "number in 10**18": told(
            batches, b'{"name":"a","upload_bytes":1000000000000000000}', {413, 422}
        ),
        "name with NUL": told(batches, b'{"name":"a\\u0000b","upload_bytes":9}', {201, 422}),
        "name of half a character": told(
            batches, b'{"name":"\\ud800","upload_bytes":9}', {201, 400, 422}
        ),
        "name of four bytes": told(
            batches, json.dumps({"name": "\U0001f600", "upload_bytes": 9}).encode(), {201}
        ),
        "name that is no UTF-8": told(batches, b'{"name":"\xff","upload_bytes":9}', {400}),
        "UTF-16": told(batches, '{"name":"a","upload_bytes":9}'.encode("utf-16"), {400}),
        "a list": told(batches, b"[1]", {400, 422}),
        "a letter": told(batches, b'"a"', {400, 422}),
        "nothing": told(batches, b"null", {400, 422}),
        "truth for a number": told(batches, b'{"name":[],"upload_bytes":true}', {422}),
        "JSON of 10 MB": told(batches, b'"' + b"a" * 10_000_000 + b'"', {413}),
        "address with NUL": told(
            hooks, b'{"url":"http://a\\u0000b/","events":["analysis.finished"]}', {422}
        ),
        "address of half a character": told(
            hooks, b'{"url":"http://\\udfff/","events":["analysis.finished"]}', {422}
        ),
        "address that is none": told(images, b'{"url":"http://[::1"}', {403, 422}),
        "JSON that says it is a form": raw(
            images, b"{}", {400, 422}, as_program=True, Content_Type=FORM
        ),
        "type that is none": raw(
            images, b"{}", {400, 415}, as_program=True, Content_Type="\u00e9/\u00e9"
        ),
        "key with a line": raw(
            images,
            files(b"images", b"a.jpg"),
            {201, 422},
            as_program=True,
            Content_Type=FORM,
            Idempotency_Key="\u00e9" * 40,
        ),
        "key of 50 kB": raw(
            images,
            files(b"images", b"a.jpg"),
            {0, 400, 422, 431},
            as_program=True,
            Content_Type=FORM,
            Idempotency_Key="a" * 50_000,
        ),
        "a cut form": raw(
            images, files(b"images", b"a.jpg")[:-60], {400}, as_program=True, Content_Type=FORM
        ),
    }


def answered(doors: Doors, one: Raw) -> tuple[int, bytes]:
    """Send a request as it is; status, 0 where the line was closed without one, and the answer."""
    headers = dict(one.headers)
    lines = [f"POST {one.path} HTTP/1.1", f"Host: {headers.pop('Host', 'localhost')}"]
    if one.as_program:
        lines.append(f"Authorization: Token {doors.token}")
    elif "Cookie" not in headers:
        person = doors.as_person(one.path)
        lines += [f"{name}: {value}" for name, value in person.items()]
        lines.append("Accept: application/json")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if one.has_length:
        lines.append(f"Content-Length: {len(one.body)}")
    head = "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")
    with socket.create_connection(("127.0.0.1", doors.portal.port), PATIENCE_SECONDS) as line:
        try:
            line.sendall(head + one.body)
            line.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # answered before everything was read
        return _read(line)


def _read(line: socket.socket) -> tuple[int, bytes]:
    content = b""
    try:
        while piece := line.recv(65_536):
            content += piece
    except ConnectionError:
        pass
    while content.startswith(b"HTTP/1.1 100"):
        content = content.partition(b"\r\n\r\n")[2]
    return (int(content[9:12]) if content.startswith(b"HTTP/") else 0), content
