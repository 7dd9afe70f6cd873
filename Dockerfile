# The server in a small image: built with all tools, run with production packages only, as an ordinary user.
# With --build-arg TRAINING=1 it can train too, and take jobs from a queue on Redis.

# Debian with Node 20 or later. scripts/image.sh makes one of Debian's own packages.
ARG BASE=node:20-slim
# The same with npm.
ARG BUILD_BASE=$BASE

FROM ${BUILD_BASE} AS build
ARG TRAINING=0
# The compiler of this stage leaves nothing behind but what it compiled, so any version will do.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY training/package.json training/package.json
COPY bench/package.json bench/package.json
# Without this onnxruntime-node fetches CUDA libraries, which nothing here uses.
ENV ONNXRUNTIME_NODE_INSTALL=skip
RUN npm ci
COPY . .
# The packages as npm has them, then their production dependencies alone. Without TRAINING the trainer stays in this stage.
RUN npm pack --ignore-scripts=false --pack-destination /tmp && \
  if [ "$TRAINING" = 1 ]; then npm pack --ignore-scripts=false --workspace sparsewave-training --pack-destination /tmp; fi
WORKDIR /server
RUN if [ "$TRAINING" = 1 ]; then npm install --omit=dev /tmp/sparsewave-*.tgz bullmq@6 ioredis@6; \
  else npm install --omit=dev /tmp/sparsewave-*.tgz; fi

FROM ${BASE}
ARG TRAINING=0
# What a GPU is reached through.
# hadolint ignore=DL3008
RUN if [ "$TRAINING" = 1 ]; then \
  apt-get update && apt-get install -y --no-install-recommends libvulkan1 && rm -rf /var/lib/apt/lists/*; fi
ENV ORT_DISABLE_TELEMETRY=1 NODE_ENV=production HOST=0.0.0.0 PORT=8080
WORKDIR /app
COPY --from=build /server ./
# The image's user `node`, by number: Kubernetes can tell from it that it is not root.
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://localhost:${process.env.PORT}/health/ready`).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "node_modules/sparsewave/bin/sparsewave.mjs", "serve"]
