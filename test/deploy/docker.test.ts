// The image: what its Dockerfile says, and whether its health check tells a server that is ready from one that is not.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { test } from "node:test";
import { within } from "../process/server.ts";
import { at, hasSchemas, list, read, text } from "./files.ts";
import { given, seconds } from "./options.ts";

/** The arguments of an instruction of the last stage; of several the last. */
function instruction(keyword: string): string {
  const [dockerfile] = read("docker/Dockerfile");
  const all = list(dockerfile?.documents).map((one) => [String(at(one, 0)), String(at(one, 1))] as const);
  const last = all.slice(all.findLastIndex(([name]) => name === "FROM"));
  return last.findLast(([name]) => name === keyword)?.[1] ?? "";
}

/** An instruction in exec form. */
const words = (keyword: string): string[] => JSON.parse(instruction(keyword));

/** What the image serves with: GUNICORN_CMD_ARGS, and CMD. */
function served(): string[] {
  const [, options = ""] = /^ENV GUNICORN_CMD_ARGS="([^"]*)"$/m.exec(text("docker/Dockerfile")) ?? [];
  return [...options.split(" "), ...words("CMD")];
}

test("the Dockerfile has no mistakes", (t) => {
  if (!hasSchemas(t)) return;
  assert.deepEqual(read("docker/Dockerfile")[0]?.problems, []);
});

test("the image runs the server itself, as a user of its own that may change nothing", (t) => {
  if (!hasSchemas(t)) return;
  assert.match(instruction("USER"), /^[1-9]\d*:[1-9]\d*$/);
  assert.doesNotMatch(instruction("COPY"), /chown/);
  assert.equal(instruction("STOPSIGNAL"), "SIGTERM");
  assert.deepEqual(words("ENTRYPOINT"), ["/app/node_modules/.bin/tgunicorn"]);
  const options = given(served());
  const bound = ["bind", "healthBind", "metricsBind"].map((name) => String(options[name]).replace(/.*:/, ""));
  assert.deepEqual(instruction("EXPOSE").split(" "), bound);
});

test("compose gives the server the time that it may take to stop", (t) => {
  if (!hasSchemas(t)) return;
  const [compose] = read("docker/compose.yaml");
  assert.deepEqual(compose?.problems, []);
  const app = at(compose?.documents[0], "services", "app");
  const needed = seconds(given(served()), "gracefulTimeout");
  assert.ok(Number.parseFloat(String(at(app, "stop_grace_period"))) > needed);
});

test("the image's health check is that of /readyz", async (t) => {
  const [, code = ""] = /"node", "-e", "(.*)"\]/.exec(text("docker/Dockerfile")) ?? [];
  let status = 200;
  const asked: (string | undefined)[] = [];
  const server = http.createServer((request, response) => {
    asked.push(request.url);
    response.writeHead(status).end();
  });
  t.after(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const check = async (): Promise<unknown> => {
    const child = spawn(process.execPath, ["-e", code.replace(":9000/", `:${address.port}/`)], {
      stdio: "ignore",
    });
    const [exit] = await within(once(child, "exit"), "the health check", () => code);
    return exit;
  };
  assert.equal(await check(), 0);
  status = 503;
  assert.equal(await check(), 1);
  assert.deepEqual(asked, ["/readyz", "/readyz"]);
  server.close();
  server.closeAllConnections();
  assert.equal(await check(), 1);
});
