"""Other people's servers, for tests of what is proxied: nginx and uvicorn."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.certificates import make_certificate
from tests.servers import PrivateServer, free_port

NGINX = """
{user}
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/bodies;
  proxy_temp_path {folder}/proxied;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  types {{ text/plain txt; }}
  server {{
    listen 127.0.0.1:{port};
    listen 127.0.0.1:{tls_port} ssl;
    listen unix:{folder}/socket;
    server_name upstream.example;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    client_max_body_size 10k;
    root {folder}/files;
    location /hello {{ return 200 "hello from $server_port$request_uri"; }}
    location /moved {{ return 301 /files/hello.txt; }}
    location /folder {{ return 302 $scheme://$http_host/files/; }}
    location /cookie {{ add_header Set-Cookie "a=1; Domain=upstream.example; Path=/; HttpOnly"; return 204; }}
    location /packed/ {{ alias {folder}/files/; gzip on; gzip_min_length 1; gzip_types text/plain; }}
    location /files/ {{ alias {folder}/files/; }}
  }}
}}
"""

#: An ASGI app: it gives back bodies as they come, streams, and echoes messages.
ASGI = """
import asyncio

async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept", "headers": [(b"x-client", scope["query_string"])]})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"].upper()})
        return
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message["body"])
        more = message["more_body"]
        await send({"type": "http.response.body", "body": message["body"], "more_body": True})
    sent = dict(scope["headers"])
    text = f"|{scope['method']} {scope['path']} {size} {sent.get(b'x-forwarded-for', b'').decode()}"
    await send({"type": "http.response.body", "body": text.encode()})
"""


class NginxServer(PrivateServer):
    """nginx, on ``port``, with TLS on ``tls_port`` for "localhost" (signed by ``certificate``), and on ``socket``."""

    program, package = "nginx", "nginx-light"
    FILE = b"0123456789" * 2000

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.tls_port = free_port()
        self.socket = folder / "socket"
        self.certificate, self.key = make_certificate(folder, "upstream")
        (folder / "files").mkdir()
        (folder / "files" / "hello.txt").write_bytes(self.FILE)

    def command(self) -> list[str]:
        (self.folder / "nginx.conf").write_text(
            NGINX.format(
                user="user root;" if os.geteuid() == 0 else "",
                folder=self.folder,
                port=self.port,
                tls_port=self.tls_port,
                certificate=self.certificate,
                key=self.key,
            )
        )
        return [self.program, "-e", str(self.folder / "error.log"), "-c", str(self.folder / "nginx.conf")]


class UvicornServer(PrivateServer):
    """uvicorn with the app above."""

    program, package = sys.executable, "python3"

    def command(self) -> list[str]:
        (self.folder / "asgi.py").write_text(ASGI)
        address = ["--host", "127.0.0.1", "--port", str(self.port)]
        return [self.program, "-m", "uvicorn", "asgi:app", *address, "--log-level", "warning", "--no-proxy-headers"]
