# The server in a small image: built with all tools, run with production packages only, as an ordinary user.
FROM node:20-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev \
  # Serving needs neither the trainer's TensorFlow.js nor the runtime's libraries for other systems.
  && rm -rf node_modules/@tensorflow node_modules/onnxruntime-node/bin/*/darwin node_modules/onnxruntime-node/bin/*/win32

FROM node:20-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 SPARSEWAVE_SKIP_BUILD=1
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/bin ./bin
COPY --from=build /app/dist ./dist
COPY --from=build /app/build/native ./build/native
COPY --from=build /app/build/wasm ./build/wasm
COPY --from=build /app/src/text/data ./src/text/data
COPY --from=build /app/server/web ./server/web
COPY --from=build /app/models ./models
USER node
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://localhost:${process.env.PORT}/health/ready`).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "bin/sparsewave.mjs", "serve"]
