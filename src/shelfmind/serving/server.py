"""One process of the service: the event loop, the socket and a graceful shutdown."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from ipaddress import ip_address

import uvicorn
from starlette.types import ASGIApp

from shelfmind.errors import UserError, argument
from shelfmind.serving.protocol import TimedProtocol

BACKLOG = 1024
KEEP_ALIVE_S = 30
STOPPING_S = 60
"""Maximum time in seconds that the shutdown waits for accepted requests."""


class Server(uvicorn.Server):
    """Shuts down gracefully at the first SIGTERM or Ctrl-C and immediately at the second.

    `on_hangup` is called at SIGHUP, `on_stop` when the shutdown begins. The server also shuts down when the other end
    of `life` is closed, as the process that started it is gone then.
    """

    def __init__(
        self,
        app: ASGIApp,
        on_hangup: Callable[[], None],
        on_stop: Callable[[], None],
        on_start: Callable[[], None],
        life: int | None = None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=TimedProtocol,
                ws="none",
                lifespan="off",
                loop="uvloop" if find_spec("uvloop") is not None else "asyncio",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=STOPPING_S,
                backlog=BACKLOG,
            )
        )
        self._on_hangup, self._on_stop, self._on_start, self._life = on_hangup, on_stop, on_start, life

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start accepting connections."""
        await super().startup(sockets)
        self._on_start()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals while the server runs and restore the handlers afterwards. Signals are not re-raised."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        taken = {signal.SIGTERM: self._stop, signal.SIGINT: self._stop, signal.SIGHUP: self._on_hangup}
        before = {number: signal.getsignal(number) for number in taken}
        for number, act in taken.items():
            loop.add_signal_handler(number, act)
        if self._life is not None:
            loop.add_reader(self._life, self._stop_once)
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)

    def _stop(self) -> None:
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True
        self._on_stop()

    def _stop_once(self) -> None:
        asyncio.get_running_loop().remove_reader(self._life)  # type: ignore[arg-type]
        self.should_exit = True
        self._on_stop()


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        UserError: the port is taken or forbidden, or this machine does not have the address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        made.close()
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"port {port} of {host} cannot be used: {reason}; {argument('port', 0)} picks a free one"
        ) from error
    made.setblocking(False)
    made.set_inheritable(True)
    return made


def address_of(listening: socket.socket) -> str:
    """Return the URL of a socket."""
    host, port = listening.getsockname()[:2]
    address = ip_address(host)
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://{host if address.version == 4 else f'[{host}]'}:{port}"
