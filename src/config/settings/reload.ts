import { bool, oneOf, path } from "../codec.ts";
import { list } from "../codec-lists.ts";
import { setting } from "../setting.ts";

export const reload = {
  reload: setting(bool(), {
    default: false,
    flags: ["--reload"],
    takes: "at once",
    summary: "Reload when a file of the application changes; for development.",
    details: `Watched are the files that the application imported, those of reloadExtraFiles and the configuration file; never
what is in node_modules. A broken application is reported once, the last good one serves on, and saving the fix reloads.
A server whose first start fails waits for a change instead of ending.`,
  }),
  reloadEngine: setting(oneOf(["auto", "poll", "inotify"]), {
    default: "auto",
    flags: ["--reload-engine"],
    takes: "at once",
    summary: "How changes are found: told by the system, or by looking at the files again and again.",
    details:
      "`poll` is for network and container mounts that report no changes. `auto` and `inotify` are the same.",
  }),
  reloadExtraFiles: setting(list(path(), { commas: false, repeatable: true }), {
    default: [],
    flags: ["--reload-extra-file"],
    takes: "at once",
    summary:
      "More files to watch under --reload: paths, directories or patterns; may be given several times.",
    details: `Relative to \`chdir\`. A directory stands for all files below it. Patterns know \`*\`, \`**\`, \`?\`, \`[abc]\` and
\`{a,b}\`: \`--reload-extra-file 'views/**/*.html'\`. Names that start with a dot have to be written out.`,
  }),
} as const;
