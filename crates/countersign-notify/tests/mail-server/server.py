"""A mail server for tests, on loopback: aiosmtpd with TLS and a login. Takes a directory with
certificate.pem and key.pem, one of starttls, implicit and clear, and a port or 0; prints its port, and
writes each message that it takes as a line of JSON into messages.jsonl there.

Whom a message is for says what becomes of it: unknown@ is refused for good (550), full@ for now (452).
"""

import asyncio
import json
import ssl
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    def __init__(self, directory):
        self.messages = directory / "messages.jsonl"

    async def handle_RCPT(self, server, session, envelope, address, options):
        local = address.split("@")[0]
        if local == "unknown":
            return "550 5.1.1 no such user here"
        if local == "full":
            return "452 4.2.2 mailbox is full"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        message = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "data": envelope.content.decode("utf-8"),
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "login": session.auth_data.decode() if session.auth_data else None,
        }
        with self.messages.open("a") as file:
            file.write(json.dumps(message) + "\n")
        return "250 2.0.0 Ok: queued as TEST"


def authenticate(server, session, envelope, mechanism, login):
    if (login.login, login.password) == (b"countersign", b"mail-password"):
        return AuthResult(success=True, auth_data=login.login)
    return AuthResult(success=False, handled=False)


async def main():
    directory, how, port = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(directory / "certificate.pem", directory / "key.pem")
    login = {"authenticator": authenticate, "auth_required": True}
    options = {
        "starttls": {"tls_context": context, "require_starttls": True, **login},
        # aiosmtpd offers AUTH over TLS that it negotiated itself only, unless told otherwise.
        "implicit": {"auth_require_tls": False, **login},
        "clear": {"auth_require_tls": False, **login},
    }[how]
    handler, loop = Handler(directory), asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="mail.test", loop=loop, **options),
        "127.0.0.1",
        port,
        ssl=context if how == "implicit" else None,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
