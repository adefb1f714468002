# Two images, `--target operator` and `--target runner`. Both run as user 65532 with a read-only root filesystem.
ARG BASE_IMAGE=debian:trixie-slim

FROM ${BASE_IMAGE} AS base
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/ldconfig/aux-cache /var/log/* \
 && echo 'spark:x:65532:65532::/tmp:/usr/sbin/nologin' >> /etc/passwd \
 && echo 'spark:x:65532:' >> /etc/group
ENV PATH=/opt/spark/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

FROM base AS build
RUN apt-get update && apt-get install --yes --no-install-recommends python3-venv
COPY requirements/build.txt /src/requirements/
RUN python3 -m venv /build \
 && /build/bin/pip install --no-cache-dir --no-compile --require-hashes -r /src/requirements/build.txt \
 && python3 -m venv --without-pip /opt/spark
# What no fetch and no operator reads. The .pyc files hold a hash that nothing checks at run time: the files never change.
RUN printf '%s\n' '#!/bin/sh -eu' \
      'find "$1"/bin -type f ! -name "spark-*" -delete' \
      'find "$1" -type d \( -name tests -o -name include \) -prune -exec rm -r {} +' \
      'find "$1" -type f \( -name "*.pyi" -o -name "*.h" -o -name "*.c" -o -name "*.pyx" -o -name "*.pxd" \) -delete' \
      'python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$1" -p /opt/spark "$1"/lib' \
      > /usr/local/bin/trim && chmod +x /usr/local/bin/trim

# The dependencies make a layer of their own, which stays the same while only the project changes.
FROM build AS operator-dependencies
COPY requirements/operator.txt /src/requirements/
RUN /build/bin/pip --python /opt/spark/bin/python install --no-cache-dir --no-compile --require-hashes -r /src/requirements/operator.txt \
 && trim /opt/spark

FROM build AS runner-dependencies
COPY requirements/runner.txt /src/requirements/
RUN /build/bin/pip --python /opt/spark/bin/python install --no-cache-dir --no-compile --require-hashes -r /src/requirements/runner.txt \
 && trim /opt/spark

FROM build AS project
COPY pyproject.toml README.md LICENSE /src/
COPY operator /src/operator
COPY plugins /src/plugins
RUN cd /src && /build/bin/hatchling build --target wheel --directory /wheel \
 && for image in operator runner; do \
      /build/bin/pip --python /opt/spark/bin/python install --no-cache-dir --no-compile --no-index --no-deps --prefix "/project/$image" /wheel/*.whl; \
    done \
 && cd /project && rm -r operator/bin/spark-fetch operator/lib/python3*/site-packages/spark_plugins operator/lib/python3*/site-packages/spark_runner \
 && rm -r runner/bin/spark-operator runner/lib/python3*/site-packages/spark_operator \
 && trim /project/operator && trim /project/runner

FROM base AS operator
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="spark-operator" \
      org.opencontainers.image.description="Keeps Integrations fresh: starts one Kubernetes Job a fetch." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=operator-dependencies /opt/spark /opt/spark
COPY --from=project /project/operator /opt/spark
USER 65532:65532
ENTRYPOINT ["spark-operator"]

FROM base AS runner
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="spark-runner" \
      org.opencontainers.image.description="Fetches from a service and loads the records into a destination." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=runner-dependencies /opt/spark /opt/spark
COPY --from=project /project/runner /opt/spark
USER 65532:65532
ENTRYPOINT ["spark-fetch"]
