"""What every request has to pass, and what every answer carries: a page of another site must reach nothing here."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


class Guard:
    """Refuses requests under a foreign name, and those that another site's page makes; adds `HEADERS` to answers.

    A page whose name is made to point here (DNS rebinding) sends that name as its Host. So a Host is an address in
    digits, "localhost", the name of this machine, or one of `names`.
    """

    def __init__(self, app: ASGIApp, names: Sequence[str] = ()) -> None:
        self._app = app
        self._names = {"localhost", socket.gethostname().lower(), *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        reason = self.refuses(Headers(scope=scope))
        if reason is not None:
            await JSONResponse({"error": reason}, 403)(scope, receive, answer)
        else:
            await self._app(scope, receive, answer)

    def refuses(self, headers: Headers) -> str | None:
        """Why a request with these headers is not answered, or None."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._known(hosts[0]):
            return "this server is not known by that name; open it by its address, or start it with --allow-host NAME"
        origin = headers.get("origin")
        if origin is not None and _place(origin) != hosts[0].lower():
            return "a page of another site asks; that is not allowed"
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return "a page of another site asks; that is not allowed"
        return None

    def _known(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name.lower() in self._names
        return True


def _place(origin: str) -> str:
    """The name and port of an origin; "" if it is no address."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
