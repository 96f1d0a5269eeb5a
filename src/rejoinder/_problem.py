"""Errors for programs: `application/problem+json`."""

from collections.abc import Mapping
from typing import Unpack

from starlette.background import BackgroundTask

from rejoinder._encode.json import Default, Nan
from rejoinder._http.fields import Headers
from rejoinder._http.problems import ABOUT_BLANK, MEDIA_TYPE, problem_details
from rejoinder._http.status import WITH_CONTENT, check_status
from rejoinder._json import JSONResponse
from rejoinder._lifecycle import OnFinish
from rejoinder._options import ContentOptions


class ProblemResponse(JSONResponse):
    """An error that a program understands: problem details (RFC 9457), as `application/problem+json`.

    Args:
        status_code: of the response; also the member `status`. One with content.
        title: what kind of problem it is, the same for each of its kind. Of `about:blank`, the status's phrase.
        detail: what is wrong this time, for people, and what they can do about it. No stack trace, no secrets.
        type: a URI that names the kind of problem; absolute, or a path from "/" on. By default `about:blank`: no other kind
            than its status.
        instance: a URI of this very occurrence, in the same form. Characters that no URI has are percent-encoded.
        extensions: more members, of any type that `JSONResponse` takes.
        headers: as for `Response`.
        background: as for `Response`.
        default: as for `JSONResponse`.
        nan: as for `JSONResponse`.
        on_finish: as for `Response`.
        **options: as for `Response`.

    Raises:
        TypeError: as for `JSONResponse`.
        ValueError: as for `JSONResponse`; a status code without content; `type` or `instance` is relative to the URL of the
            request; an extension has the name of another argument.

    >>> ProblemResponse(409, detail="Only 3 are left.", type="/problems/stock", extensions={"left": 3}).body
    b'{"type":"/problems/stock","status":409,"detail":"Only 3 are left.","left":3}'
    """

    media_type = MEDIA_TYPE

    _renders = False

    def __init__(
        self,
        status_code: int = 500,
        *,
        title: str | None = None,
        detail: str | None = None,
        type: str = ABOUT_BLANK,  # noqa: A002 - the RFC's name
        instance: str | None = None,
        extensions: Mapping[str, object] | None = None,
        headers: Headers | None = None,
        background: BackgroundTask | None = None,
        default: Default | None = None,
        nan: Nan = "null",
        on_finish: OnFinish | None = None,
        **options: Unpack[ContentOptions],
    ) -> None:
        check_status(status_code)
        if status_code not in WITH_CONTENT:
            raise ValueError(
                f"a response with status {status_code} has no content, so no problem details; use Response"
            )
        details = problem_details(int(status_code), title, detail, type=type, instance=instance, extensions=extensions)
        super().__init__(
            details,
            status_code,
            headers,
            background=background,
            default=default,
            nan=nan,
            on_finish=on_finish,
            **options,
        )
