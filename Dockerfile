# iamsync as a command: small, without root, the versions of requirements.lock.
#   docker build -t iamsync . && docker run --rm -v "$PWD:/work:ro" -e AWS_PROFILE iamsync plan
FROM python:3.13-slim-trixie AS build
WORKDIR /source
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY iamsync iamsync
# What `init` writes is made of these.
COPY examples/ci examples/ci
COPY examples/quickstart examples/quickstart
RUN python -m venv /opt/iamsync \
    && /opt/iamsync/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock \
    && /opt/iamsync/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/iamsync/bin/pip check \
    && /opt/iamsync/bin/pip uninstall --yes pip

FROM python:3.13-slim-trixie
# git reads the revision of --base. Its version is that of the base image's Debian.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system --add safe.directory /work
COPY --from=build /opt/iamsync /opt/iamsync
ENV PATH=/opt/iamsync/bin:$PATH PYTHONUNBUFFERED=1 IAMSYNC_IN_AUTOMATION=1
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["iamsync"]
CMD ["--help"]
