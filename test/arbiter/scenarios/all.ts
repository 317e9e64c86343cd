import type { Scenario } from "../scenario.ts";
import { control } from "./control.ts";
import { failure } from "./failure.ts";
import { reload } from "./reload.ts";
import { signals } from "./signals.ts";
import { start } from "./start.ts";
import { stop } from "./stop.ts";
import { suspend } from "./suspend.ts";
import { upgrade } from "./upgrade.ts";

export const scenarios: Readonly<Record<string, readonly Scenario[]>> = {
  start,
  failure,
  reload,
  signals,
  stop,
  suspend,
  upgrade,
  control,
};
