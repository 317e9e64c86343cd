// Web servers and balancers of others, started by a test on ports of its own: nginx, Apache, HAProxy, Caddy.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { ROOT, scratch, type Undo, within } from "../process/server.ts";
import { searched } from "./peer.ts";

export interface Running {
  readonly pid: number;
  /** The first of the ports that were asked for. */
  readonly port: number;
  readonly url: (path?: string) => string;
  /** Everything it wrote so far. */
  readonly log: () => string;
  stop(): Promise<void>;
}

/** A file of deploy/ with each key of `changes` replaced by its value, wherever it stands; one that is not there fails. */
export function deployed(file: string, changes: Readonly<Record<string, string>>): string {
  let text = readFileSync(join(ROOT, "deploy", file), "utf8");
  for (const [from, to] of Object.entries(changes)) {
    assert.ok(text.includes(from), `deploy/${file} has no ${JSON.stringify(from)}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

/** `site` is what stands inside of `http { }`: upstreams and servers. Resolves when all of `ports` are listened on. */
export function startNginx(t: Undo, site: string, ports: readonly number[]): Promise<Running> {
  const dir = place(t);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${dir}/${name};`,
  );
  // As root its workers would become a user who may not see the test's directories.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const config = `${user} daemon off; worker_processes 1; pid ${dir}/pid; error_log stderr notice;
events { worker_connections 1024; }
http { access_log off; ${temporary.join(" ")}
${site}
}
`;
  writeFileSync(join(dir, "nginx.conf"), config);
  return run(t, "nginx", ["-e", "stderr", "-p", dir, "-c", join(dir, "nginx.conf")], dir, ports);
}

const APACHE_MODULES =
  "mpm_event authz_core headers rewrite setenvif remoteip proxy proxy_http proxy_wstunnel proxy_fcgi proxy_scgi proxy_uwsgi";

/** `site` is virtual hosts and what belongs to them; the usual modules are there, and `Listen` for all `ports`. */
export function startApache(t: Undo, site: string, ports: readonly number[]): Promise<Running> {
  const dir = place(t);
  const modules = APACHE_MODULES.split(" ").map(
    (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`,
  );
  const config = `ServerRoot ${dir}
PidFile ${dir}/pid
DefaultRuntimeDir ${dir}
Mutex file:${dir}
ErrorLog "|$/bin/cat 1>&2"
ServerName localhost
User #65534
Group #65534
${modules.join("\n")}
${ports.map((port) => `Listen 127.0.0.1:${port}`).join("\n")}
${site}
`;
  writeFileSync(join(dir, "apache.conf"), config);
  return run(t, "apache2", ["-D", "FOREGROUND", "-f", join(dir, "apache.conf")], dir, ports);
}

/** `config` is the whole file. */
export function startHaproxy(t: Undo, config: string, ports: readonly number[]): Promise<Running> {
  const dir = place(t);
  writeFileSync(join(dir, "haproxy.cfg"), config);
  return run(t, "haproxy", ["-db", "-f", join(dir, "haproxy.cfg")], dir, ports);
}

/** `sites` is a Caddyfile without global options. */
export function startCaddy(t: Undo, sites: string, ports: readonly number[]): Promise<Running> {
  const dir = place(t);
  writeFileSync(join(dir, "Caddyfile"), `{\n\tadmin off\n}\n${sites}\n`);
  const args = ["run", "--config", join(dir, "Caddyfile"), "--adapter", "caddyfile"];
  return run(t, "caddy", args, dir, ports);
}

/** uWSGI's own HTTP server, which speaks uwsgi to `address`. */
export function startUwsgiRouter(t: Undo, port: number, address: string): Promise<Running> {
  const args = [
    "--plugins",
    "http",
    "--http",
    `127.0.0.1:${port}`,
    "--http-to",
    address,
    "--master",
    "--die-on-term",
  ];
  return run(t, "uwsgi", args, place(t), [port]);
}

/** Its workers may be somebody else than the test. */
function place(t: Undo): string {
  const dir = scratch(t);
  chmodSync(dir, 0o755);
  return dir;
}

async function run(
  t: Undo,
  program: string,
  args: readonly string[],
  dir: string,
  ports: readonly number[],
): Promise<Running> {
  const home = join(dir, "home");
  mkdirSync(home);
  const child = spawn(program, args, {
    cwd: dir,
    env: { PATH: searched(), HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home },
    // A group of its own: a test that fails leaves nothing behind.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
  }
  let gone = false;
  const exited = new Promise<void>((resolve) => {
    child.once("close", () => {
      gone = true;
      killGroup(child);
      resolve();
    });
    child.once("error", (error) => {
      gone = true;
      log += error.message;
      resolve();
    });
  });
  t.after(() => gone || killGroup(child));
  const listening = Promise.all(ports.map((port) => untilOpen(port, () => gone)));
  await within(Promise.race([listening, exited]), `${program} to listen`, () => log);
  assert.ok(!gone, `${program} did not start:\n${log}`);
  const [port = 0] = ports;
  return {
    pid: child.pid ?? 0,
    port,
    url: (path = "/") => `http://127.0.0.1:${port}${path}`,
    log: () => log,
    async stop() {
      if (!gone) child.kill("SIGTERM");
      await within(exited, `${program} to end`, () => log);
    },
  };
}

/** None of them tells in one way that it listens: only a connection does. */
async function untilOpen(port: number, gone: () => boolean): Promise<void> {
  while (!gone()) {
    const socket = net.connect({ port, host: "127.0.0.1" });
    const open = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // all gone
  }
}
