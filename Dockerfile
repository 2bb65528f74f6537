# Four images from one file: `web` (no TensorFlow; also beat and migrations), `worker` (all of it),
# `flower` (a page on the queues, without the portal) and `proxy` (TLS to the world).
FROM python:3.11-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# Pango, HarfBuzz and a font are for reports in PDF.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libmariadb3 \
        libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/*

# Compilers and headers stay in the build stages.
FROM base AS build-web
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc pkg-config default-libmysqlclient-dev
RUN python -m venv /opt/venv
COPY requirements-web.txt /tmp/
RUN /opt/venv/bin/pip install --requirement /tmp/requirements-web.txt

FROM build-web AS build-worker
COPY requirements.txt /tmp/
RUN /opt/venv/bin/pip install --requirement /tmp/requirements.txt

FROM build-web AS build-flower
COPY requirements-flower.txt /tmp/
RUN /opt/venv/bin/pip install --requirement /tmp/requirements-flower.txt

FROM base AS application
ENV PATH=/opt/venv/bin:$PATH VERIPIX_VAR=/var/lib/veripix STATIC_ROOT=/app/collected-static
# The root of a container is read-only: drafts go to a volume, caches of libraries into memory.
ENV TMPDIR=/var/lib/veripix/temporary HOME=/tmp XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/cache
# Named volumes take the owner of the folder that they are first mounted over.
RUN useradd --system --uid 10001 --create-home veripix \
    && install --directory --owner veripix --group veripix \
        /var/lib/veripix /var/lib/veripix/media /var/lib/veripix/datasets /var/lib/veripix/models \
        /var/lib/veripix/runs /var/lib/veripix/trust /var/lib/veripix/metrics \
        /var/lib/veripix/temporary /var/lib/veripix/tls /var/lib/veripix/tls/ca \
        /var/lib/veripix/tls/mysql /var/lib/veripix/tls/redis /var/lib/veripix/tls/web \
    && chmod 0700 /var/lib/veripix/media /var/lib/veripix/datasets /var/lib/veripix/models \
        /var/lib/veripix/runs
WORKDIR /app
COPY manage.py gunicorn.conf.py ./
COPY portal portal
COPY detection detection
COPY ml ml
COPY templates templates
COPY static static

FROM application AS web
COPY --from=build-web /opt/venv /opt/venv
# Without DATABASE_URL the settings need nothing from outside; what they make is thrown away again.
RUN VERIPIX_VAR=/tmp/build python manage.py collectstatic --no-input && rm -rf /tmp/build
USER veripix
ENV GUNICORN_CMD_ARGS=--bind=0.0.0.0:8000
EXPOSE 8000
CMD ["gunicorn"]

FROM application AS worker
COPY --from=build-worker /opt/venv /opt/venv
RUN install --directory --owner veripix --group veripix /app/collected-static
USER veripix
CMD ["celery", "-A", "portal", "worker", "--pool", "solo", "--queues", "inference"]

FROM base AS flower
COPY --from=build-flower /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
RUN useradd --system --uid 10001 --create-home veripix
USER veripix
EXPOSE 5555
CMD ["celery", "flower"]

FROM caddy:2 AS proxy
COPY deploy/Caddyfile /etc/caddy/Caddyfile
RUN adduser -S -u 10002 proxy && mkdir -p /data /certificates && chown 10002 /data
USER 10002
EXPOSE 80 443
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile"]
