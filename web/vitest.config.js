import { defineConfig } from "vitest/config";

export default defineConfig({
  server: { fs: { allow: [".."] } }, // the studio lies beside this folder
  test: {
    environment: "happy-dom",
    include: ["tests/*.test.{js,ts}"],
    passWithNoTests: false,
  },
});
