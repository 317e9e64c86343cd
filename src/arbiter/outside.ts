// Who looks at the server from outside, and is told how it is: the control socket, probes, systemd, the terminal. What they need is loaded
// where it is wanted, and late: a start does not wait for it.

import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/config.ts";
import type { Environment } from "../config/layers.ts";
import type { Helm } from "./control/helm.ts";
import { createControlling } from "./controlling.ts";
import { readiness } from "./health.ts";
import type { Journal } from "./journal.ts";
import { createProgress } from "./progress.ts";
import type { ArbiterState } from "./state.ts";
import type { Notifier } from "./systemd/notify.ts";
import { json, type Pages } from "./web/server.ts";
import { createWeb } from "./web.ts";

export interface Outside {
  /** The configuration in force; to be called at the start, too. */
  follow(config: Config): void;
  /** All workers serve for the first time. */
  ready(): void;
  /** The arbiter that this one was to replace is gone. */
  promoted(): void;
  /** The sockets are closed; `handedOver` where another arbiter serves on them. */
  closes(handedOver: boolean): void;
  stepped(state: ArbiterState): void;
  /** Just before the end. */
  close(): Promise<void>;
}

export interface OutsideOptions {
  readonly helm: Omit<Helm, "stopped">;
  /** As it was when the server was started. */
  readonly env: Environment;
  /** Whether it was started to take another arbiter's place. */
  readonly heir: boolean;
  /** On the terminal; null where there is none. */
  readonly line: Journal["line"];
}

/** The control socket is there by then, in milliseconds after the start, if all workers are not ready sooner. */
const CONTROL_AFTER = 1_000;

export function createOutside({ helm, env, heir, line }: OutsideOptions): Outside {
  const { log } = helm;
  const elder = (): number | null => helm.state().elder;
  const controlling = createControlling(helm);
  const probes: Pages = {
    "/livez": () => json(200, { live: true }),
    "/readyz": () => {
      const found = readiness(helm.state(), helm.resolved().config.readyQuorum);
      return json(found.ready ? 200 : 503, found);
    },
  };
  const older = (): boolean => elder() !== null;
  const health = createWeb({
    name: "Health",
    flag: "--health-bind",
    missing: "Nobody answers probes at healthBind",
    log,
    elder: older,
    pages: async () => probes,
  });
  const metrics = createWeb({
    name: "Metrics",
    flag: "--metrics-bind",
    missing: "Nobody serves metrics at metricsBind",
    log,
    elder: older,
    pages: async () => ({ ...(await import("./metrics/pages.ts")).metricsPages(helm), ...probes }),
  });
  const web = ({ healthBind, metricsBind }: Pick<Config, "healthBind" | "metricsBind">): void => {
    // Both at one address is one server.
    const apart = isDeepStrictEqual(healthBind, metricsBind) ? null : healthBind;
    // An address that goes from one to the other is given up first.
    const fromHealth = health.holds(metricsBind) ? health.follow(null) : undefined;
    const fromMetrics = metrics.holds(apart) ? metrics.follow(null) : undefined;
    void metrics.follow(metricsBind, fromHealth);
    void health.follow(apart, fromMetrics);
  };
  const progress = line === null ? null : createProgress(line, helm);
  /** Null until the workers have had the processor to themselves. */
  let late: NodeJS.Timeout | null = setTimeout(() => control(), CONTROL_AFTER).unref();
  let notifier: Notifier | null = null;
  if (env.NOTIFY_SOCKET !== undefined && env.NOTIFY_SOCKET !== "") void notify();

  async function notify(): Promise<void> {
    // For this process alone: a worker would speak for the whole service.
    for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete process.env[name];
    const promoted = elder() !== null;
    const { createNotifier } = await import("./systemd/notify.ts");
    const latest = () => helm.metering.figures()?.history().at(-1);
    const failed = (): boolean => (helm.facts().lastReload?.failure ?? null) !== null;
    notifier = createNotifier({ log, env, heir, promoted, latest, failed });
    notifier.stepped(helm.state());
  }

  const control = (): void => {
    if (late !== null) clearTimeout(late);
    late = null;
    controlling.follow(helm.resolved().config, elder());
  };

  return {
    follow(config) {
      if (late === null) controlling.follow(config, elder());
      web(config);
    },
    ready: control,
    promoted: control,
    closes: (handedOver) => (handedOver ? web({ healthBind: null, metricsBind: null }) : undefined),
    stepped(state) {
      notifier?.stepped(state);
      progress?.stepped();
    },
    async close() {
      if (late !== null) clearTimeout(late);
      progress?.close();
      await Promise.all([controlling.close(), health.close(), metrics.close(), notifier?.close()]);
    },
  };
}
