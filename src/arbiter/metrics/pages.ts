// What is served at metricsBind.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ROOT_URL } from "../../root.ts";
import type { Helm } from "../control/helm.ts";
import { statusView } from "../control/view.ts";
import { workerViews } from "../control/workers.ts";
import { json, type Page, type Pages } from "../web/server.ts";
import { expose } from "./exposition.ts";
import { look } from "./look.ts";

/** Beside the code, in the sources as in the package. */
const statusPage = fileURLToPath(new URL("../assets/status.html", ROOT_URL));

export function metricsPages(helm: Omit<Helm, "stopped">): Pages {
  /** Read where it is first asked for: an upgrade of the package may put another in its place. */
  let html: string | undefined;
  return {
    "/metrics": async () => {
      const samples = await look(helm);
      if (samples === null) return json(503, { error: "nothing is counted" });
      const { contentType, text } = await expose(samples);
      return { status: 200, type: contentType, body: text };
    },
    "/": (): Page => {
      html ??= readFileSync(statusPage, "utf8");
      return { status: 200, type: "text/html; charset=utf-8", body: html };
    },
    "/status.json": async () =>
      json(200, {
        status: statusView(helm.state(), helm.facts(), helm.now()),
        workers: await workerViews(helm, FEW),
        queues: helm.metering.figures()?.queues() ?? [],
        history: helm.metering.figures()?.history() ?? [],
      }),
  };
}

/** Requests shown of each worker. */
const FEW = 3;
