"""Settings of the object store, and of buckets that are watched."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class ObjectSettings(BaseSettings):
    """Where objects lie, and where recordings are dropped."""

    s3_bucket: str | None = Field(None, description="Bucket of all objects; without it they lie in data_dir.")
    s3_prefix: str = Field("", description="Begins the key of every object in the bucket.")
    s3_endpoint: str | None = Field(None, description="URL of the object store; AWS without it.")
    s3_region: str | None = Field(None, description="Region of the bucket.")
    s3_access_key: str | None = Field(None, description="Access key; without it boto3 looks where it usually does.")
    s3_secret_key: SecretStr | None = Field(None, description="Secret of the access key.")
    s3_path_style: bool = Field(
        True, description="Bucket in the path, not in the host name. AWS wants false, most others true."
    )
    s3_public_endpoint: str | None = Field(
        None, description="URL of the object store as browsers reach it, for presigned URLs; s3_endpoint without it."
    )

    watches: str | None = Field(
        None, description="Watched prefixes of buckets: a JSON list, or the path of a file with it; see bulk.md."
    )
    bucket_events_topic: str = Field(
        "bucket-events", description="Topic with the bucket notifications that Kafka is sent; kafka_prefix begins it."
    )
    bucket_events_token: SecretStr | None = Field(
        None, description="Token of whoever posts bucket notifications to /v1/bucket-events; nobody may without it."
    )
    bucket_events_sqs: str | None = Field(
        None, description="URLs of SQS queues with bucket notifications, with commas between."
    )
    sqs_endpoint: str | None = Field(None, description="URL of the server of these queues; AWS without it.")
    bucket_concurrency: int = Field(
        32, ge=1, description="Objects of watched buckets that one watcher looks at at the same time."
    )
    sweep_every_s: float = Field(
        30.0, gt=0, description="Shortest time between two listings of a watched prefix, in seconds."
    )
    sweep_at_most_s: float = Field(
        900.0, gt=0, description="Longest time between two listings that find nothing, in seconds."
    )
