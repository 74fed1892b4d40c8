# MinIO, built from its Go module: its makers archived it in February 2026 and took their images down.
# The licence of what comes out is AGPL-3.0.
ARG GOLANG_IMAGE=docker.io/library/golang:1.26.8-bookworm
ARG DEBIAN_IMAGE=docker.io/library/debian:12.12-slim

FROM ${GOLANG_IMAGE} AS build
# The last release there is. Go checks it against its checksum database.
ARG MINIO_VERSION=v0.0.0-20260212201848-7aac2a2c5b7c
RUN CGO_ENABLED=0 GOBIN=/usr/local/bin go install -trimpath \
      -ldflags "-s -w -X github.com/minio/minio/cmd.ReleaseTag=${MINIO_VERSION}" \
      "github.com/minio/minio@${MINIO_VERSION}" \
 && rm -rf /go/pkg /root/.cache

FROM ${DEBIAN_IMAGE}
ARG MINIO_VERSION=v0.0.0-20260212201848-7aac2a2c5b7c
LABEL org.opencontainers.image.title="MinIO" \
      org.opencontainers.image.description="S3-compatible object store, built from its Go module" \
      org.opencontainers.image.licenses="AGPL-3.0" \
      org.opencontainers.image.version="${MINIO_VERSION}"
RUN groupadd --gid 10001 minio \
 && useradd --uid 10001 --gid minio --no-create-home --home-dir /tmp --shell /usr/sbin/nologin minio \
 && install --directory --owner minio --group minio /data /events
# For webhooks and brokers over TLS.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/local/bin/minio /usr/local/bin/
USER 10001:10001
EXPOSE 9000 9001
VOLUME ["/data", "/events"]
# No curl in here: bash asks for itself.
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9000 && printf 'GET /minio/health/ready HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *' 200 '* ]]"]
ENTRYPOINT ["minio"]
CMD ["server", "/data", "--address", ":9000", "--console-address", ":9001"]
