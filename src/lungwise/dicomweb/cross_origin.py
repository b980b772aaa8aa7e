"""Answers to web pages of other origins (CORS, as the Fetch standard has it): for viewers that the settings name."""

from __future__ import annotations

from collections.abc import Collection

from flask import Flask, Response, request

_ALLOWED = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Accept, Content-Type",
    "Access-Control-Max-Age": "600",
}
_EXPOSED = "Warning, Content-Type, Content-Length, Retry-After"


def allow_origins(app: Flask, origins: Collection[str]) -> None:
    """Let browsers show an application's answers to pages of these origins; requests need a token as any others do."""
    if not origins:
        return

    def preflight() -> Response | None:
        """Answer what a browser asks before it sends a token: that has none."""
        if request.method != "OPTIONS" or not _is_allowed(origins):
            return None
        return Response(status=204, headers=_ALLOWED)

    def mark(response: Response) -> Response:
        response.vary.add("Origin")
        if _is_allowed(origins):
            response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response

    app.before_request(preflight)
    app.after_request(mark)


def _is_allowed(origins: Collection[str]) -> bool:
    return request.headers.get("Origin", "").lower() in origins
