"""What a front server is put before: it hands over each file in a directory that is named by the environment."""

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from rejoinder import AccelRedirect, FileResponse, XSendfile

ROOT = os.environ["OFFLOAD_ROOT"]
OFFLOADS = {"nginx": AccelRedirect("/protected/", root=ROOT), "lighttpd": XSendfile()}


async def download(request: Request) -> FileResponse:
    response = FileResponse(
        request.path_params["name"],
        root=ROOT,
        missing="404",
        filename=request.query_params.get("filename"),
        headers={"cache-control": "private"},
        offload=OFFLOADS[os.environ["OFFLOAD_TO"]],
    )
    response.set_cookie("seen", "1")
    return response


app = Starlette(routes=[Route("/files/{name:path}", download)])
