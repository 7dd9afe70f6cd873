# The server in a small image: built with all tools, run with production packages only, as an ordinary user.
FROM node:20-slim AS build
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
# The package as npm has it, then its production dependencies alone. The trainer and its packages stay in this stage.
RUN npm pack --ignore-scripts=false --pack-destination /tmp
WORKDIR /server
RUN npm install --omit=dev /tmp/sparsewave-*.tgz

FROM node:20-slim
ENV ORT_DISABLE_TELEMETRY=1 NODE_ENV=production HOST=0.0.0.0 PORT=8080
WORKDIR /app
COPY --from=build /server ./
# The image's user `node`, by number: Kubernetes can tell from it that it is not root.
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://localhost:${process.env.PORT}/health/ready`).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "node_modules/sparsewave/bin/sparsewave.mjs", "serve"]
