"""A process that ends when the service that started it does, however that ends."""

from __future__ import annotations

import os
import threading
import time


def end_with(service: int) -> None:
    """End this process when the service does. One that is killed cannot end its workers; a worker that has another parent
    has lost it, perhaps before it was ready itself."""

    def watch() -> None:
        while os.getppid() == service:
            time.sleep(0.5)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
