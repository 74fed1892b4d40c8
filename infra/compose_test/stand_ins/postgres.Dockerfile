# Stands in for docker.io/library/postgres: Debian's PostgreSQL 15.
FROM docker.io/library/debian:12.12-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends postgresql-15 \
 && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/15 \
 && install --directory --owner postgres --group postgres --mode 700 /var/lib/postgresql/data \
 && install --directory --owner postgres --group postgres --mode 3777 /run/postgresql
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin PGDATA=/var/lib/postgresql/data
COPY --chmod=755 postgres-run /usr/local/bin/docker-entrypoint.sh
VOLUME /var/lib/postgresql/data
EXPOSE 5432
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
