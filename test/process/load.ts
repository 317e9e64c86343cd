// Clients that ask without a pause, and count what they were not answered.

import http from "node:http";
import { get } from "./client.ts";

export interface LoadOptions {
  readonly clients: number;
  readonly keepAlive: boolean;
}

export interface Load {
  /** Everything that was not a complete answer with status 200. */
  readonly failures: readonly string[];
  readonly answers: () => number;
  /** Resolves when so many more answers have come. */
  more(answers: number): Promise<void>;
  /** Resolves when the last client has its answer. */
  stop(): Promise<void>;
}

export type Target = string | { readonly socketPath: string };

export function startLoad(targets: readonly Target[], { clients, keepAlive }: LoadOptions): Load {
  const failures: string[] = [];
  let answers = 0;
  let going = true;
  let waiting: { readonly at: number; readonly resolve: () => void }[] = [];
  const agents: http.Agent[] = [];

  const count = (): void => {
    answers++;
    const due = waiting.filter(({ at }) => at <= answers);
    waiting = waiting.filter(({ at }) => at > answers);
    for (const { resolve } of due) resolve();
  };
  const client = async (target: Target): Promise<void> => {
    const agent = new http.Agent({ keepAlive, maxSockets: 1 });
    agents.push(agent);
    while (going) {
      try {
        const { status } = await get(target, agent);
        if (status !== 200) failures.push(`status ${status}`);
      } catch (error) {
        failures.push(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
      }
      count();
    }
  };
  const all = Promise.all(targets.flatMap((target) => Array.from({ length: clients }, () => client(target))));
  return {
    failures,
    answers: () => answers,
    more: (more) => new Promise((resolve) => waiting.push({ at: answers + more, resolve })),
    async stop() {
      going = false;
      await all;
      for (const agent of agents) agent.destroy();
    },
  };
}
