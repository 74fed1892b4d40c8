"""Making buckets, and having their server tell of what is put into them. For the operator, not for services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from polyvox.adapters.s3.connection import make_client
from polyvox.adapters.s3.failures import code_of, status_of, translated
from polyvox.adapters.s3.options import S3Options
from polyvox.errors import Fatal

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import NotificationConfigurationTypeDef

NOTIFICATION_ID = "polyvox"
AWS_FIRST_REGION = "us-east-1"
"""Buckets there must not name their region; everywhere else they must."""


class BucketSetup:
    """What the server of ``options`` is asked to do. Blocking.

    The access key needs s3:CreateBucket, s3:GetBucketNotification and s3:PutBucketNotification.
    Each method raises Unavailable when the server is in trouble or refuses, Fatal when it cannot do it.
    """

    def __init__(self, options: S3Options) -> None:
        self._options = options
        self._client: S3Client = make_client(options, options.endpoint)

    def create(self, bucket: str) -> bool:
        """Whether it had to be made."""
        try:
            self._client.head_bucket(Bucket=bucket)
        except ClientError as error:
            if status_of(error) != 404:
                raise translated(error, f"the bucket {bucket}") from error
        except BotoCoreError as error:
            raise translated(error, f"the bucket {bucket}") from error
        else:
            return False
        region = self._options.region
        try:
            if self._options.endpoint is None and region not in (None, AWS_FIRST_REGION):
                self._client.create_bucket(
                    Bucket=bucket,
                    CreateBucketConfiguration={"LocationConstraint": region},  # type: ignore[typeddict-item]
                )
            else:
                self._client.create_bucket(Bucket=bucket)
        except (ClientError, BotoCoreError) as error:
            # Another may have been quicker.
            if code_of(error) == "BucketAlreadyOwnedByYou":
                return False
            raise translated(error, f"the bucket {bucket}") from error
        return True

    def notify(self, bucket: str, arn: str, *, prefix: str = "") -> None:
        """Have created objects whose key starts with ``prefix`` told to the queue ``arn``.

        ``arn`` is that of an SQS queue, or of a target that MinIO was started with. What else the bucket
        tells to others stays.
        """
        try:
            found = self._client.get_bucket_notification_configuration(Bucket=bucket)
            queues = [queue for queue in found.get("QueueConfigurations", []) if queue.get("Id") != NOTIFICATION_ID]
            wanted: NotificationConfigurationTypeDef = {
                "QueueConfigurations": [
                    *queues,
                    {
                        "Id": NOTIFICATION_ID,
                        "QueueArn": arn,
                        "Events": ["s3:ObjectCreated:*"],
                        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}] if prefix else []}},
                    },
                ],
            }
            if topics := found.get("TopicConfigurations"):
                wanted["TopicConfigurations"] = topics
            if functions := found.get("LambdaFunctionConfigurations"):
                wanted["LambdaFunctionConfigurations"] = functions
            if (bridge := found.get("EventBridgeConfiguration")) is not None:
                wanted["EventBridgeConfiguration"] = bridge
            self._client.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)
        except ClientError as error:
            if code_of(error) == "InvalidArgument":
                raise Fatal(f"the store knows no target {arn} for notifications of {bucket}: {error}") from error
            raise translated(error, f"notifications of the bucket {bucket}") from error
        except BotoCoreError as error:
            raise translated(error, f"notifications of the bucket {bucket}") from error

    def close(self) -> None:
        self._client.close()
