"""Uploads that come in several requests: begun, sent in parts in any order, completed.

=============== ==================================================================
session         what is known of such an upload, and how it is cut into parts
sessions        sessions in the object store: begun, found, settled, removed
check           whether all parts are there as they should be
completing      parts become a recording
leftovers       what the sweep does about uploads that nobody completed
body            one part through our own server
api             the routes under ``/v1/uploads``
=============== ==================================================================
"""
