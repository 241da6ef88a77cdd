import { defineConfig } from "vite";

export default defineConfig({
  // Relative addresses: the built page works in whatever folder it is served from.
  base: "./",
  build: { target: "es2022", assetsInlineLimit: 0, chunkSizeWarningLimit: 1000 },
  // It finds its .wasm file beside itself, which bundling it in advance would break.
  optimizeDeps: { exclude: ["onnxruntime-web"] },
});
