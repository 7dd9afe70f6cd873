"""What the clients' scripts share: where the server is, and how a check is reported."""
import os
import sys

HTTP = os.environ.get("CLIENTS_HTTP", "http://localhost:8080")
TLS = os.environ.get("CLIENTS_TLS", "https://localhost:8443")
KEY = os.environ.get("CLIENTS_KEY", "unused")
TEXT = "Hello there. This is the second sentence."

failed = 0


def check(what: str, holds: bool, detail: object = "") -> None:
    """Prints whether something holds."""
    global failed
    print(f"  {'ok  ' if holds else 'FAIL'} {what}{'' if holds else f': {detail}'}", flush=True)
    if not holds:
        failed += 1


def refused(what: str, call, *kinds: type) -> None:
    """Checks that a call raises one of the client's own errors, with a message in words."""
    try:
        call()
    except kinds as error:
        check(what, "." in str(error), error)
    except Exception as error:  # noqa: BLE001
        check(what, False, f"{type(error).__name__}: {error}")
    else:
        check(what, False, "nothing was raised")


def done() -> None:
    sys.exit(1 if failed else 0)
