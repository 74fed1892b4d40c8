"""Who may do what: keys, whose they are, and what each route asks for.

=============== ==================================================================
scopes          what a key may be for, and what a route needs
secret          the text of a key, and what is kept of it
key             a key as it lies in the object store, without its secret
keyring         keys in the object store: added, listed, revoked
known           keys as the process that checks them remembers them
caller          who sent the request in hand
=============== ==================================================================

polyvox/http/guard.py puts it before every route (docs/security.md, ADR 20).
"""
