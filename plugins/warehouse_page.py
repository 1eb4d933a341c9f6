"""The page "Warehouse" of Airflow's web UI, as Airflow's plugin manager finds it.

Every process of Airflow reads this file at its start, and only the API server serves the page: so it imports nothing, and the page
itself (plugins/view) comes with the first request for it.
"""

from typing import Any

from airflow.plugins_manager import AirflowPlugin

ADDRESS = "warehouse"
"""Below the address of Airflow, whatever its prefix: the addresses here are relative to it, as the web UI's <base> has it."""


class Page:
    """An ASGI application that is imported when it is first asked for, in a thread: Airflow's event loop does not wait for it."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            from anyio.to_thread import run_sync

            self._app = await run_sync(_import)
        await self._app(scope, receive, send)


def _import() -> Any:
    from plugins.view.app import app

    return app


class WarehousePage(AirflowPlugin):
    """Shown in a frame beside Airflow's navigation; served below /warehouse."""

    name = "warehouse_page"
    fastapi_apps = [  # noqa: RUF012  # an attribute of the instance, says the base class
        {"app": Page(), "url_prefix": f"/{ADDRESS}", "name": "Warehouse"}
    ]
    external_views = [  # noqa: RUF012  # likewise
        {
            "name": "Warehouse",
            "href": f"{ADDRESS}/",
            "url_route": ADDRESS,
            "destination": "nav",
            "nav_top_level": True,
            "icon": f"{ADDRESS}/static/icon.svg",
            "icon_dark_mode": f"{ADDRESS}/static/icon-dark.svg",
        }
    ]
