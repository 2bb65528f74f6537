"""Hands stored files out as `MEDIA_DELIVERY` says: by itself, by address, or by the proxy."""

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models.fields.files import FieldFile
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.utils.encoding import filepath_to_uri
from django.utils.http import content_disposition_header


def file_response(stored: FieldFile, content_type: str, *, save_as: str = "") -> HttpResponseBase:
    """Hand a stored file out, as `MEDIA_DELIVERY` says; who may have it is for the caller to know.

    Args:
        stored: The file.
        content_type: What it is; whatever an uploader said of it is never told on.
        save_as: The name under which a browser saves it; empty: it is shown.

    Raises:
        Http404: None was stored, or it is gone.
        StorageUnavailable: The storage is away.
    """
    if not stored:
        raise Http404("There is no such picture.")
    if settings.MEDIA_DELIVERY == "redirect":
        return _redirected(str(stored.name), content_type, save_as)
    response: HttpResponseBase
    if settings.MEDIA_DELIVERY == "accel":
        response = _left_to_the_proxy(str(stored.name), content_type, save_as)
    else:
        response = _streamed(stored, content_type, save_as)
    # Were a browser ever to take it for a page, that page could do nothing.
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _streamed(stored: FieldFile, content_type: str, save_as: str) -> HttpResponseBase:
    try:
        opened = stored.open("rb")
    except FileNotFoundError:
        raise Http404("The stored file is missing.") from None
    return FileResponse(
        opened, content_type=content_type, as_attachment=bool(save_as), filename=save_as
    )


def _redirected(name: str, content_type: str, save_as: str) -> HttpResponse:
    """Lead to a signed address, which tells type and name too and holds for a short time.

    Whether the file is there is for the storage to say: asking first would cost what this spares.
    """
    parameters = {"ResponseContentType": content_type}
    disposition = content_disposition_header(bool(save_as), save_as)
    if disposition:
        parameters["ResponseContentDisposition"] = disposition
    address = default_storage.url(name, parameters)  # type: ignore[call-arg] # of object storages
    response = HttpResponse(status=302, headers={"Location": address})
    # Asked for again before the address ends: `private_media` keeps the shorter of two ages.
    response["Cache-Control"] = f"max-age={settings.MEDIA_ADDRESS_SECONDS // 2}"
    return response


def _left_to_the_proxy(name: str, content_type: str, save_as: str) -> HttpResponse:
    """Name the file to the proxy in front, which alone may read below `MEDIA_URL`."""
    if not default_storage.exists(name):
        raise Http404("The stored file is missing.")
    response = HttpResponse(content_type=content_type)
    response["X-Accel-Redirect"] = filepath_to_uri(f"{settings.MEDIA_URL}{name}")
    disposition = content_disposition_header(bool(save_as), save_as)
    if disposition:
        response["Content-Disposition"] = disposition
    return response
