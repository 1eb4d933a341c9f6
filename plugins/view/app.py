"""The page as one application: its addresses, the headers of every response, and what is said where there is nothing to show."""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from subprocess import CalledProcessError, SubprocessError

import psycopg
from airflow.sdk.exceptions import AirflowNotFoundException
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from include.command import is_away, starting, typed
from plugins.view import api, pages
from plugins.view.access import Visible
from plugins.view.looks import show
from plugins.view.reader import CONNECTION_ID, STATEMENT_SECONDS, Busy

log = logging.getLogger(__name__)

HEADERS = {
    # Nothing comes from elsewhere, nothing is written into the page itself, and only Airflow shows it in a frame.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}

app = FastAPI(
    title="Warehouse",
    description="What the page Warehouse shows, for programs. Moments are in UTC; Airflow's own token or cookie logs in.",
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
)
app.include_router(api.router)
app.include_router(pages.router)
app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")


@app.get("/openapi.json", include_in_schema=False)
def openapi(_: Visible) -> JSONResponse:
    """The description of what is below /api."""
    return JSONResponse(app.openapi())


@app.middleware("http")
async def with_headers(request: Request, respond: Callable[[Request], Awaitable[Response]]) -> Response:
    """Every response has them, errors and files too."""
    response = await respond(request)
    response.headers.update(HEADERS)
    return response


@app.exception_handler(HTTPException)
async def refused(request: Request, error: HTTPException) -> Response:
    """No login, no right, no such thing."""
    if error.status_code == 401:
        return _say(request, 401, "You are not logged in", "Log in to Airflow, then open this page again.")
    if error.status_code == 404 and error.detail == "Not Found":
        return _say(request, 404, "There is no such page", "The sections above have what there is.")
    return _say(request, error.status_code, "This is not shown", str(error.detail))


@app.exception_handler(RequestValidationError)
async def misspelled(request: Request, error: RequestValidationError) -> Response:
    """A parameter that cannot be read."""
    first = error.errors()[0]
    return _say(request, 422, "This address cannot be read", f"{first['loc'][-1]}: {first['msg']}")


@app.exception_handler(Busy)
async def busy(request: Request, _: Busy) -> Response:
    """Others are asking."""
    return _say(request, 503, "The page is busy", "Others are reading the warehouse. Try again in a few seconds.")


@app.exception_handler(AirflowNotFoundException)
async def unconnected(request: Request, error: AirflowNotFoundException) -> Response:
    """Airflow has no connection to read through."""
    words = f"Airflow has no connection {CONNECTION_ID!r}, through which this page reads (role dw_reader)."
    return _say(request, 503, "The warehouse is not connected", words, starting())


@app.exception_handler(psycopg.Error)
async def unread(request: Request, error: psycopg.Error) -> Response:
    """The warehouse does not answer, or not in time, or is older than this page."""
    log.warning("The page Warehouse could not read: %s", " ".join(str(error).split()))
    match error:
        case psycopg.errors.QueryCanceled() | psycopg.errors.LockNotAvailable():
            words = f"The warehouse took longer than {STATEMENT_SECONDS} s to answer. Ask for less: a source, a name, fewer days."
            return _say(request, 503, "This took too long", words)
        case psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedColumn() | psycopg.errors.UndefinedFunction():
            words = "Its schema is older than this page."
            return _say(request, 503, "The warehouse has not been migrated", words, typed("python -m include migrate"))
        case psycopg.errors.InsufficientPrivilege() | psycopg.errors.InvalidSchemaName():
            words = (
                f"The role of connection {CONNECTION_ID!r} may not read what this page shows: it should be dw_reader."
            )
            return _say(request, 503, "The warehouse may not be read", words, typed("python -m include migrate"))
        case _ if is_away(error):
            words = "Airflow works on; the page is back as soon as the warehouse is."
            return _say(request, 503, "The warehouse does not answer", words, starting())
    return _say(request, 503, "The warehouse cannot be read", "The log of Airflow's API server has the reason.")


@app.exception_handler(SubprocessError)
async def undrawn(request: Request, error: SubprocessError) -> Response:
    """A plot that was not to be drawn, or not in time."""
    told = error.stderr if isinstance(error, CalledProcessError) else b""
    log.warning(
        "The page Warehouse could not draw: %s %s", type(error).__name__, (told or b"")[-400:].decode(errors="replace")
    )
    return _say(
        request,
        503,
        "The plot cannot be drawn",
        "Its numbers are there as CSV; the log of the API server has the reason.",
    )


def _say(request: Request, status: int, title: str, words: str, fix: str = "") -> Response:
    """As a page, or as JSON where that was asked for."""
    if request.scope["path"].removeprefix(request.scope["root_path"]).startswith(("/api/", "/openapi.json")):
        return JSONResponse({"detail": f"{title}. {words}", "fix": fix}, status)
    return show(request, "said.html", status=status, title=title, words=words, fix=fix)
