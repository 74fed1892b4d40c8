# Stands in for docker.io/library/python: Debian's Python 3.11 where the upstream image has its own build.
FROM docker.io/library/debian:12.12-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/* \
 && ln -s /usr/bin/python3 /usr/local/bin/python
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
CMD ["python3"]
