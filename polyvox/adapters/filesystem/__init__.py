"""The ObjectStore port on a folder, shared by the processes of one machine.

What lies in the folder::

    names/media/01j9/original=   who is stored: JSON with blob id, size, etag, type, metadata, time
    blobs/3f/3f9c…               the bytes, one file per put, never changed, read-only
    incoming/3f9c…               bytes on their way in; locked by the process that writes them
    todo/3f9c…                   blobs that must be gone unless their key's name refers to them
    pins/1731…-5e0a…             second links of blobs that ``local_file`` has given out
    parts/0f3a…                  uploads in parts that are not joined yet, a folder for each
    locks/3f                     one lock for every 256th key, held for the moment of a change

A name is replaced or linked in one step and says everything about its object, so bytes, content type
and metadata are seen together or not at all. Bytes keep a file to themselves, so ``local_file`` costs
a link. The folder survives being copied.

=============== ==================================================================
names           key to path and back
blobs           writing bytes, giving them out, removing what crashed processes left
folder          the blocking half: publish, look up, open, remove
parts           uploads in parts, until they are joined or dropped
listing         walking the names in key order
store           the ObjectStore port
=============== ==================================================================
"""

from polyvox.adapters.filesystem.store import FolderStore

__all__ = ["FolderStore"]
