# One image for the collector, the api and the simulator: `docker run kraken-book collector`.
# docs/deploy.md describes it.

# `make digests` pins it by digest.
ARG PYTHON_IMAGE=python:3.12-slim
FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

# The compiler stays in this stage. Without it, the hot path of a frame runs in Python.
RUN { apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev; } \
        >/tmp/apt.log 2>&1 || echo "no C compiler can be installed: $(tail -n 1 /tmp/apt.log)"

# Dependencies change seldom, so they have their own layer. Only files with these hashes are accepted,
# and only wheels, because the build of a source would run its code here.
COPY deploy/image-requirements.txt ./
RUN pip wheel --quiet --wheel-dir /wheels --only-binary :all: --no-deps --require-hashes \
        -r image-requirements.txt && \
    python -m venv --without-pip /venv && \
    pip --python /venv/bin/python install --quiet --no-index --no-deps /wheels/*.whl

COPY LICENSE /app/
COPY kraken_book /app/kraken_book
COPY runtime /app/runtime
COPY collector /app/collector
COPY api /app/api
COPY simulator /app/simulator
# In place, because the image runs the library from its source.
COPY constraints-hashes.txt ./
COPY setup.py /app/
RUN cd /app && python -m venv /tools && \
    sed -n '/^setuptools==/,/[^\\]$/p' /build/constraints-hashes.txt >/build/setuptools.txt && \
    /tools/bin/pip install --quiet --only-binary :all: --no-deps --require-hashes -r /build/setuptools.txt && \
    /tools/bin/python setup.py --quiet build_ext --inplace --build-temp /tmp/objects \
        --build-lib /tmp/built && \
    rm -rf setup.py kraken_book/c && \
    /venv/bin/python -c 'import kraken_book; print("compiled hot path:", kraken_book.__speedups__)'
RUN python -m compileall -q /app


FROM ${PYTHON_IMAGE}
# An image cannot read the version from Python: `make up` and the release workflow pass it.
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="kraken-book" \
      org.opencontainers.image.description="Live, checksum-verified level-2 order books of Kraken, on Redis" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"

COPY --from=build /venv /venv
COPY --from=build /app /app

# Listen on every address of the container; who runs it decides which ports can be reached.
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 API_HOST=0.0.0.0 API_OPS_HOST=0.0.0.0 \
    COLLECTOR_HOST=0.0.0.0
# A new volume at /tape gets this owner: COLLECTOR_TAPE=/tape records frames there.
RUN install -d -o 10001 -g 10001 /tape
WORKDIR /app
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m"]
CMD ["api"]
