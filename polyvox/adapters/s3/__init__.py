"""The ObjectStore port on a bucket of AWS, MinIO, SeaweedFS, Ceph or whatever else speaks S3.

boto3 works in threads: one client, one pool of threads and as many connections for each store.

=============== ==================================================================
options         where the bucket is and how to talk to it
connection      the client, its threads, and errors in our terms
failures        what S3 answers, in the terms of polyvox/errors.py
bucket          keys and requests of one bucket
metadata        any text in headers that carry ASCII
crc             checksums of wholes from those of their parts
uploads         bodies of any size, seen whole or not at all
parts           uploads in parts that others send
versions        which version is meant, by id or ETag
downloads       bytes that arrive although connections break
scratch         files that go with the process
listing         keys in byte order, from servers that have another
store           the ObjectStore port
=============== ==================================================================

The access key needs s3:ListBucket and s3:ListBucketMultipartUploads on the bucket, and on what is in it
s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload, s3:ListMultipartUploadParts and
s3:GetObjectTagging (also …Version, where versions are kept). Without s3:ListBucket the server does not say
what is missing.
"""

from polyvox.adapters.s3.options import S3Options, of_settings
from polyvox.adapters.s3.store import S3Store

__all__ = ["S3Options", "S3Store", "of_settings"]
