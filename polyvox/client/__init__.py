"""Python client of the HTTP API, sync and async.

from polyvox.client import Client

with Client("http://127.0.0.1:8484") as client:
    media_id = client.upload("meeting.m4a")
    client.wait(media_id)
    print(client.export(media_id, "text"))
"""

from polyvox.client.async_client import AsyncClient
from polyvox.client.bulk import Uploaded
from polyvox.client.calls import FINAL_STATES, Recording, TranscriptFormat
from polyvox.client.found import Hit
from polyvox.client.sync_client import Client

__all__ = ["FINAL_STATES", "AsyncClient", "Client", "Hit", "Recording", "TranscriptFormat", "Uploaded"]
