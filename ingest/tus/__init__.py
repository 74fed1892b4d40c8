"""tus 1.0 (https://tus.io/protocols/resumable-upload): any tus client can send a recording and go on after a break.

Bytes become parts of the store's upload in parts, each at its fixed place in the recording, and what does not
fill a part yet lies beside it as pieces named by their places. How far an upload is follows from what is stored,
so nothing is counted twice or lost when a process dies between two writes, and two requests for one upload that
reach different processes write the same bytes to the same places.

=============== ==================================================================
headers         what a request's headers say
refusals        every way in which a request is refused
reached         how far an upload is: parts and pieces
writing         bytes on their way into parts and pieces
checksum        bodies that count only when their checksum is right
turns           one request at a time for each upload
uploading       creation, bytes, completion
api             the routes under ``/v1/tus``
=============== ==================================================================
"""
