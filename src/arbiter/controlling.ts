// The control socket where the configuration wants it. What serves it is loaded when it is wanted.

import { resolve as absolute } from "node:path";
import type { Config } from "../config/config.ts";
import { besidePidfile } from "../config/control-path.ts";
import { serverError } from "../errors.ts";
import type { Helm } from "./control/helm.ts";
import { pidfilePath } from "./pidfile.ts";
import { createService } from "./service.ts";

export interface Controlling {
  /** `elder` is the arbiter that this one is to replace, whose socket keeps its name until it is gone. */
  follow(config: Config, elder: number | null): void;
  /** Answers who waits for the server's end, and closes. */
  close(): Promise<void>;
}

interface Wish {
  /** The socket's absolute path. */
  readonly place: string;
  readonly mode: number;
  readonly readOnly: boolean;
}

function wishOf(config: Config, directory: string, elder: number | null): Wish | null {
  const { controlAccess, controlSocket, controlSocketMode, pidfile } = config;
  const path = pidfilePath(controlSocket ?? (pidfile === null ? null : besidePidfile(pidfile)), elder);
  if (controlAccess === "off" || path === null) return null;
  return {
    place: absolute(directory, path),
    mode: controlSocketMode,
    readOnly: controlAccess === "read-only",
  };
}

export function createControlling(helm: Omit<Helm, "stopped">): Controlling {
  let stop: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const service = createService<Wish>({
    async open({ place, mode, readOnly }) {
      const { openControl } = await import("./control/server.ts");
      try {
        const served = await openControl(place, { mode, readOnly }, { ...helm, stopped });
        helm.log.info(`Control socket: ${place}`);
        return served;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw serverError("CONTROL_SOCKET", { path: place, reason }, error);
      }
    },
    failed(error, held) {
      const reason = error instanceof Error ? error.message : String(error);
      helm.log.error(held === null ? reason : `${reason}. That at ${held.place} stays`);
    },
  });
  return {
    follow: (config, elder) => void service.follow(wishOf(config, helm.directory(), elder)),
    close() {
      stop();
      return service.close();
    },
  };
}
