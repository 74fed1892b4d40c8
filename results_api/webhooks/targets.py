"""Where a webhook may be sent, as far as its URL tells. Pure.

What its name resolves to is checked at each connection (connecting.py).
"""

from __future__ import annotations

import httpx

from polyvox.errors import Invalid
from results_api.webhooks.addresses import is_allowed, literal

LENGTH_MAX = 2048


def checked(url: str, *, private: bool) -> str:
    """``url`` in its usual form.

    Raises:
        Invalid: it is none, or one that webhooks must not be sent to; ``private`` allows http and this network.
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise _bad(f"This is no URL: {error}.") from error
    if parsed.scheme not in ("https", "http") or not parsed.host:
        raise _bad("Give an absolute URL that begins with https://.")
    if parsed.scheme == "http" and not private:
        raise _bad("Only https:// is allowed here: anybody on the way could read and change what is sent.")
    if parsed.userinfo or parsed.fragment:
        raise _bad("Leave out the user name, the password and what follows #.")
    if parsed.port is not None and not 0 < parsed.port < 1 << 16:
        raise _bad("There is no such port.")
    address = literal(parsed.host)
    if address is not None and not is_allowed(address, private=private):
        raise _bad("This address is private or kept for special purposes; webhooks go to public ones.")
    if len(str(parsed)) > LENGTH_MAX:
        raise _bad(f"Use at most {LENGTH_MAX} characters.")
    return str(parsed)


def host_of(url: str) -> str:
    """What of a URL may stand in a log: the rest can be a secret."""
    return httpx.URL(url).host


def _bad(reason: str) -> Invalid:
    return Invalid(reason, code="bad-target")
