// What shells have to know of `tgunicorn`, from the settings table.

import type { Flag, Program } from "../completion/program.ts";
import { script } from "../completion/script.ts";
import type { Shell } from "../completion/shell.ts";
import type { Setting } from "../config/setting.ts";
import { settingNames, settingOf } from "../config/settings/index.ts";
import { workerClassNames } from "../workers/registry.ts";
import { questions } from "./questions.ts";

export const completionScript = (shell: Shell): string => script(shell, program());

function program(): Program {
  const flags = settingNames.flatMap((name): Flag[] => {
    const setting = settingOf(name);
    const offers =
      name === "workerClass"
        ? { words: workerClassNames, from: "files" as const }
        : (setting.codec.offers ?? {});
    return setting.flags.length === 0 ? [] : flagsOf(setting, offers);
  });
  const asking = questions.map(
    ({ flags: names, about, words }): Flag => ({
      names,
      about,
      value: words === undefined ? null : { metavar: words.join("|"), offers: { words } },
      bare: false,
      repeatable: false,
    }),
  );
  const { codec } = settingOf("app");
  return {
    name: "tgunicorn",
    source: "tgunicorn --completion",
    flags: [...flags, ...asking],
    commands: [],
    argument: { metavar: codec.metavar, offers: codec.offers ?? {} },
  };
}

/** Those that deny are flags of their own. */
function flagsOf(
  { flags, codec, summary, valueMayFollow }: Setting<unknown>,
  offers: NonNullable<typeof codec.offers>,
): Flag[] {
  const { implied, metavar, repeatable } = codec;
  const about = summary.replaceAll("`", "");
  const denies = (flag: string): boolean => implied === "true" && flag.startsWith("--no-");
  const value = implied === "true" ? null : { metavar, offers };
  const bare = implied !== undefined && valueMayFollow === undefined;
  const denial = flags.filter(denies);
  const off: Flag = { names: denial, about: `Off: ${about}`, value: null, bare: false, repeatable: false };
  return [
    { names: flags.filter((flag) => !denies(flag)), about, value, bare, repeatable },
    ...(denial.length === 0 ? [] : [off]),
  ];
}
