"""The headers of every answer: what a page may load, and who may keep or frame it."""

from __future__ import annotations

from flask import Flask, Response, request

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self' data: blob:",  # data: for the second factor's QR code, blob: for films that are chosen
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
}
_HSTS = "max-age=31536000; includeSubDomains"


def init_app(app: Flask, *, https: bool) -> None:
    """Add the headers to every answer of the application."""

    def add_headers(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if https:
            response.headers["Strict-Transport-Security"] = _HSTS
        if request.endpoint == "static":
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        else:  # nothing of a patient stays in a browser, pictures included
            response.headers["Cache-Control"] = "no-store"
        return response

    app.after_request(add_headers)


def answer_with_attachments(app: Flask) -> None:
    """Prevent browsers from showing answers to programs as pages."""

    def attach(response: Response) -> Response:
        kind = response.mimetype or ""
        if kind != "text/html":
            name = '; filename="api.json"' if kind.endswith("json") else ""
            response.headers.setdefault("Content-Disposition", f"attachment{name}")
        return response

    app.after_request(attach)
