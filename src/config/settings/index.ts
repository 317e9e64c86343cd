// Every setting, once. What a user can set, how it is checked and what it means all come from here.
import type { Section, Setting } from "../setting.ts";
import { application } from "./application.ts";
import { control } from "./control.ts";
import { http } from "./http.ts";
import { http2 } from "./http2.ts";
import { logging } from "./logging.ts";
import { processes } from "./process.ts";
import { recycling } from "./recycling.ts";
import { reload } from "./reload.ts";
import { socket } from "./socket.ts";
import { timeouts } from "./timeouts.ts";
import { tls } from "./tls.ts";
import { trust } from "./trust.ts";
import { websocket } from "./websocket.ts";
import { workers } from "./workers.ts";

export const settings = {
  ...application,
  ...socket,
  ...trust,
  ...workers,
  ...recycling,
  ...reload,
  ...timeouts,
  ...http,
  ...tls,
  ...websocket,
  ...http2,
  ...processes,
  ...control,
  ...logging,
};

export const sections: readonly Section[] = [
  { title: "Application", settings: application },
  { title: "Sockets", settings: socket },
  { title: "Proxies in front", settings: trust },
  { title: "Workers", settings: workers },
  { title: "Recycling", settings: recycling },
  { title: "Reload", settings: reload },
  { title: "Time limits", settings: timeouts },
  { title: "HTTP", settings: http },
  { title: "TLS", settings: tls },
  { title: "WebSocket", settings: websocket },
  { title: "HTTP/2", settings: http2 },
  { title: "Processes", settings: processes },
  { title: "Control", settings: control },
  { title: "Logging", settings: logging },
];

export type Settings = typeof settings;
export type SettingName = keyof Settings;

export const isSettingName = (name: string): name is SettingName => Object.hasOwn(settings, name);

/** In the order of the sections. */
export const settingNames: readonly SettingName[] = Object.keys(settings).filter(isSettingName);

export const settingOf = (name: SettingName): Setting<unknown> => settings[name];
