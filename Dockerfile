# One recipe, a target per service: docker build --target router -t quorate-router .

FROM python:3.12-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
# The lock first: a change of code alone does not install everything again.
COPY requirements/run.txt requirements/run.txt
RUN python -m venv /opt/quorate \
    && /opt/quorate/bin/pip install --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY libs libs
COPY services services
RUN /opt/quorate/bin/pip install --no-deps --no-build-isolation .

FROM python:3.12-slim-bookworm AS base
ENV PATH=/opt/quorate/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=build /opt/quorate /opt/quorate
# A number, so that an orchestrator can see that this is not root.
RUN install -d -o 10001 -g 10001 /var/lib/quorate
WORKDIR /var/lib/quorate
USER 10001:10001
# Each service asks for its own health: one that waits for another is not ill. QUORATE_NATS_URL names the broker.
STOPSIGNAL SIGTERM

FROM base AS router
HEALTHCHECK --interval=15s --timeout=10s --start-period=20s --retries=3 CMD ["quorate", "doctor", "--service", "router"]
ENTRYPOINT ["quorate", "up", "router"]

FROM base AS worker
HEALTHCHECK --interval=15s --timeout=10s --start-period=20s --retries=3 CMD ["quorate", "doctor", "--service", "worker"]
ENTRYPOINT ["quorate", "up", "worker"]

FROM base AS collector
HEALTHCHECK --interval=15s --timeout=10s --start-period=20s --retries=3 CMD ["quorate", "doctor", "--service", "collector"]
ENTRYPOINT ["quorate", "up", "collector"]

FROM base AS gateway
USER 0:0
# git reads changes that are too large for the API of the forge. Its version follows the base image.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/*
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=10s --start-period=20s --retries=3 CMD ["quorate", "doctor", "--service", "gateway"]
ENTRYPOINT ["quorate", "up", "gateway"]

# A target for memory goes here when that service exists.
