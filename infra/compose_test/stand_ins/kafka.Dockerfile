# Stands in for docker.io/apache/kafka: the same broker from its jars, configured by the same wrapper.
FROM docker.io/library/debian:12.12-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends openjdk-17-jre-headless \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 1000 --create-home --shell /bin/bash appuser \
 && install --directory --owner appuser --group appuser \
      /var/lib/kafka/data /etc/kafka/docker /mnt/shared/config /opt/kafka/config
COPY kafka /opt/kafka/libs
COPY --chmod=755 kafka-run /etc/kafka/docker/run
RUN touch /etc/kafka/docker/server.properties /etc/kafka/docker/log4j2.yaml /etc/kafka/docker/tools-log4j2.yaml
USER 1000
VOLUME /var/lib/kafka/data
EXPOSE 9092
CMD ["/etc/kafka/docker/run"]
