"""Which errors of a database are nobody's fault but its own, and what to do about those at a start. Pure."""

from __future__ import annotations

import ssl

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, ProgrammingError

# Classes of SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_AUTHORISATION = "28"
_NO_DATABASE = "3D000"
_NO_PRIVILEGE = ("42501", "3F000")  # no right, and no schema with a right
_NO_TABLE = "42P01"
_TROUBLE = frozenset(
    {
        "08",  # connection lost
        "0A",  # a prepared statement that a migration outdated: the next one is prepared anew
        "25",  # read-only after a fail-over, or the transaction was ended from outside
        _AUTHORISATION,
        "40",  # deadlock, serialization failure
        "53",  # disk full, out of memory, too many connections
        "55",  # a lock was not to be had in time
        "57",  # shut down, starting up, cancelled
        "58",  # I/O
        "F0",
        "XX",  # corruption, bugs
    }
)
# Somebody is at work on the server: messages can wait until it is put right.
_PUT_RIGHT = frozenset({_NO_DATABASE, *_NO_PRIVILEGE, _NO_TABLE})

_SQLITE_DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT")


def is_no_fault_of_ours(error: DBAPIError) -> bool:
    """Whether the same statement may work later, however often it failed."""
    state = _sqlstate(error)
    if state is None:
        return not isinstance(error, IntegrityError | DataError | ProgrammingError)
    return state[:2] in _TROUBLE or state in _PUT_RIGHT


def advice(error: BaseException | None) -> str | None:
    """What a person must do before a start can succeed; None when waiting may help."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error}); name the authority's with sslrootcert in the URL"
    if isinstance(error, FileNotFoundError):
        return "a certificate or key that the URL names does not exist"
    if isinstance(error, ConnectionError) and "rejected SSL upgrade" in str(error):
        return "the server offers no encryption, and sslmode in the URL asks for it"
    if not isinstance(error, DBAPIError):
        return None
    state = _sqlstate(error)
    if getattr(error.orig, "sqlite_errorname", None) in _SQLITE_DAMAGED:
        return "the file is damaged; restore it, or move it away to begin with an empty one"
    if state is None:
        # asyncpg says so of options that contradict each other or are none.
        said = error.orig.__cause__ if error.orig else None
        wrong = isinstance(error, InterfaceError) and isinstance(said, ValueError)
        return f"the URL is wrong: {error.orig}" if wrong else None
    if state.startswith(_AUTHORISATION):
        return f"the server does not let us in: {error.orig}; look at the user, the password and pg_hba.conf"
    if state == _NO_DATABASE:
        return f"{error.orig}; create it with CREATE DATABASE, or correct the name in the URL"
    if state in _NO_PRIVILEGE:
        return f"{error.orig}; the user of the URL must own the database or be granted CREATE on its schema"
    return None


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
