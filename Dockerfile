# The server in a small image: built with all tools, run with production packages only, as an ordinary user.
FROM node:20-slim AS build
# The compiler of this stage leaves nothing behind but what it compiled: any version will do.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Without this onnxruntime-node fetches CUDA libraries, which nothing here uses.
ENV ONNXRUNTIME_NODE_INSTALL=skip
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev \
  # Serving needs neither the trainer's TensorFlow.js and WebGPU nor the runtime's libraries for other systems and processors.
  && rm -rf node_modules/@tensorflow node_modules/webgpu node_modules/onnxruntime-node/bin/*/darwin node_modules/onnxruntime-node/bin/*/win32 \
  && find node_modules/onnxruntime-node/bin -mindepth 3 -type d ! -name "$(node -p process.arch)" -exec rm -rf {} +

FROM node:20-slim
ENV ORT_DISABLE_TELEMETRY=1 NODE_ENV=production HOST=0.0.0.0 PORT=8080 SPARSEWAVE_SKIP_BUILD=1
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/bin ./bin
COPY --from=build /app/dist ./dist
COPY --from=build /app/build/native ./build/native
COPY --from=build /app/build/wasm ./build/wasm
COPY --from=build /app/build/web ./build/web
COPY --from=build /app/src/text/data ./src/text/data
COPY --from=build /app/server/web ./server/web
COPY --from=build /app/models ./models
# The image's user `node`, by number: Kubernetes can tell from it that it is not root.
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://localhost:${process.env.PORT}/health/ready`).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "bin/sparsewave.mjs", "serve"]
