// The help text, rendered by yargs from the settings table. yargs is loaded for this alone: it takes 50 ms.
import { sections } from "../config/settings/index.ts";
import { questions } from "./questions.ts";

/** Without Markdown: a link's page is in docs/. */
const plain = (summary: string): string =>
  summary.replaceAll("`", "").replaceAll(/\[[^\]]*\]\(([^)]*)\)/g, "docs/$1");

const bare = (flag: string) => flag.replace(/^-+/, "");

/** The text for `--help`, for a terminal of `width` columns. */
export async function helpText(width: number): Promise<string> {
  const { default: yargs } = await import("yargs");
  const parser = yargs([])
    .scriptName("tgunicorn")
    .usage("$0 [options] module:attribute")
    .locale("en")
    .help(false)
    .version(false)
    .exitProcess(false)
    .wrap(width)
    .epilogue("Every setting in full: docs/settings.md");
  for (const { title, settings } of sections) {
    for (const setting of Object.values(settings)) {
      const [first, ...others] = setting.flags.map(bare);
      if (first === undefined) continue;
      const shown = setting.codec.format(setting.default).join(", ");
      parser.option(first, {
        alias: others,
        group: `${title}:`,
        describe: plain(setting.summary),
        ...(setting.codec.implied === undefined ? { type: "string" } : { type: "boolean" }),
        ...(shown === "" || shown === "false" ? {} : { defaultDescription: shown }),
      });
    }
  }
  for (const { flags, about, words } of questions) {
    const [first = "", ...others] = flags.map(bare);
    const type = words === undefined ? "boolean" : "string";
    parser.option(first, { alias: others, group: "Other:", describe: about, type });
  }
  return `${await parser.getHelp()}\n`;
}
