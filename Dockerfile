# Two images: `serve`, which a plain `docker build .` makes, too, and `train` (--target train).
#
# Tags move. Whoever deploys names a base by its digest, which `docker buildx imagetools inspect`
# tells, and raises it like any other lock:
#   --build-arg BASE=docker.io/library/python:3.11-slim@sha256:…
# Behind a mirror, pip's configuration and a bundle of certificates come as secrets, which no layer
# keeps; `cert = /run/secrets/ca` in pip.conf says where the bundle is:
#   --secret id=pipconf,src=pip.conf --secret id=ca,src=ca.pem
# Other releases of Python work as well; the tests run on 3.11. Distroless bases lack the library of
# C++, which numpy and onnxruntime need.
ARG BASE=docker.io/library/python:3.11-slim
# The base of `train`. Where it has PyTorch already, as NVIDIA's nvcr.io/nvidia/pytorch has, that is kept.
ARG TRAIN_BASE=docker.io/library/python:3.11-slim


FROM ${BASE} AS packages
WORKDIR /build
COPY requirements/image.txt requirements/image.txt
RUN --mount=type=secret,id=pipconf,target=/etc/pip.conf \
    --mount=type=secret,id=ca \
    --mount=type=cache,target=/root/.cache/pip \
    python -m venv --without-pip /opt/ziffer \
 && python -m pip --disable-pip-version-check --python /opt/ziffer install --quiet --no-compile \
    --only-binary :all: --require-hashes --requirement requirements/image.txt
COPY infra/slim.py infra/slim.py
RUN python -m infra.slim /opt/ziffer/lib/python3*/site-packages
COPY registry /app/registry
COPY service /app/service
# The root is read-only at run time: what is not compiled now would be compiled at every start.
# Unchecked, as no layer promises to keep the times of files. The rights of a checkout may be anything.
RUN python -m compileall -q --invalidation-mode unchecked-hash /opt/ziffer /app \
 && chmod -R a+rX,go-w /opt/ziffer /app


FROM packages AS inventory
COPY requirements/sbom.txt requirements/sbom.txt
RUN --mount=type=secret,id=pipconf,target=/etc/pip.conf \
    --mount=type=secret,id=ca \
    --mount=type=cache,target=/root/.cache/pip \
    python -m venv --without-pip /opt/cyclonedx \
 && python -m pip --disable-pip-version-check --python /opt/cyclonedx install --quiet \
    --only-binary :all: --require-hashes --requirement requirements/sbom.txt
COPY pyproject.toml pyproject.toml
RUN /opt/cyclonedx/bin/cyclonedx-py environment --output-reproducible --mc-type application \
    --pyproject pyproject.toml --output-file /sbom.cdx.json /opt/ziffer

# Only the file, for `docker build --target sbom --output DIRECTORY .`
FROM scratch AS sbom
COPY --from=inventory /sbom.cdx.json /


FROM ${BASE} AS serve
# The images that Docker publishes have no compiled standard library, but pip.
RUN python -m compileall -q --invalidation-mode unchecked-hash \
    -x '/(site-packages|dist-packages|test|unittest|distutils|idlelib|lib2to3|tkinter|turtledemo|ensurepip)/' \
    "$(python -c 'import os; print(os.path.dirname(os.__file__))')" \
 && rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/*-packages/pip* /usr/local/lib/python3*/ensurepip
COPY --from=packages /opt/ziffer /opt/ziffer
COPY --from=packages /app /app
COPY --from=inventory /sbom.cdx.json /usr/share/ziffer/sbom.cdx.json
WORKDIR /app
ENV PATH=/opt/ziffer/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_CACHE_HOME=/tmp \
    ZIFFER_SERVE_HOST=0.0.0.0
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "-m", "service.health_check"]
ENTRYPOINT ["python", "-m", "service"]
# SageMaker then chooses the port, by SAGEMAKER_BIND_TO_PORT.
LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true
ARG VERSION=0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="Ziffer" \
      org.opencontainers.image.description="Reads handwritten digits over HTTP" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"


FROM ${TRAIN_BASE} AS train
ARG TORCH=2.13.0
WORKDIR /build
COPY requirements/training.txt requirements/training.txt
# NVIDIA's images hold pip to their own versions by PIP_CONSTRAINT; here the lock decides.
RUN --mount=type=secret,id=pipconf,target=/etc/pip.conf \
    --mount=type=secret,id=ca \
    --mount=type=cache,target=/root/.cache/pip \
    python -m venv --without-pip --system-site-packages /opt/ziffer \
 && export PIP_CONSTRAINT='' PIP_DISABLE_PIP_VERSION_CHECK=1 \
 && { /opt/ziffer/bin/python -c "import torch" 2>/dev/null \
   || python -m pip --python /opt/ziffer install --quiet --only-binary :all: "torch==${TORCH}"; } \
 && python -m pip --python /opt/ziffer install --quiet \
    --only-binary :all: --require-hashes --requirement requirements/training.txt
COPY registry /app/registry
COPY training /app/training
# The one place that must be writable: checkpoints, what was not published, and MNIST lie below it.
RUN chmod -R a+rX,go-w /app && install --directory --owner 65532 --group 65532 /var/lib/ziffer
WORKDIR /var/lib/ziffer
ENV PATH=/opt/ziffer/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    HOME=/var/lib/ziffer \
    USER=ziffer
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "training"]
ARG VERSION=0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="Ziffer, training" \
      org.opencontainers.image.description="Trains and registers the classifier of handwritten digits" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"


# The last stage is what a build without --target makes.
FROM serve
