// Packs the package, installs the tarball into an empty folder, and serves an application from there.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "tgunicorn-packed-"));
try {
  const npm = (args, cwd) =>
    execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  const [{ filename, files, size }] = JSON.parse(
    npm(["pack", "--json", "--ignore-scripts", "--pack-destination", folder], root),
  );
  const names = files.map((file) => file.path);
  for (const wanted of [
    "dist/main.js",
    "dist/index.d.ts",
    "README.md",
    "LICENSE",
    "gunicorn.conf.ts.example",
  ]) {
    assert.ok(names.includes(wanted), `${wanted} is missing from the package`);
  }
  assert.ok(!names.some((name) => /^(src|test|build)\//.test(name)), "sources or tests are in the package");
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "empty", private: true }));
  npm(["install", "--omit=dev", "--no-audit", "--no-fund", join(folder, filename)], folder);
  writeFileSync(
    join(folder, "demo.ts"),
    `import { wsgi, type Environ, type StartResponse } from "tgunicorn";
export const app = wsgi((environ: Environ, startResponse: StartResponse) => {
  startResponse("200 OK", [["Content-Type", "text/plain"]]);
  return [\`hello from \${environ.PATH_INFO}\\n\`];
});
`,
  );
  const server = spawn(
    join(folder, "node_modules/.bin/tgunicorn"),
    ["-w", "2", "-b", "127.0.0.1:0", "demo:app"],
    {
      cwd: folder,
      stdio: ["ignore", "inherit", "pipe"],
    },
  );
  const exit = new Promise((resolve) => server.on("exit", resolve));
  let log = "";
  const url = await new Promise((resolve, reject) => {
    server.stderr.setEncoding("utf8").on("data", (text) => {
      log += text;
      const match = /Listening at: (\S+)/.exec(log);
      if (match !== null) resolve(match[1]);
    });
    exit.then((code) => reject(new Error(`the server exited with ${code}:\n${log}`)), reject);
  });
  const answer = await fetch(`${url}/packed`);
  assert.equal(await answer.text(), "hello from /packed\n");
  server.kill("SIGTERM");
  assert.equal(await exit, 0, log);
  console.log(`packed: ${filename}, ${names.length} files, ${size} bytes; it installs and serves`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
