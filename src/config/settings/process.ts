import { account, bool, path, string, umask } from "../codec.ts";
import { optional } from "../codec-lists.ts";
import { setting } from "../setting.ts";

export const processes = {
  daemon: setting(bool(), {
    default: false,
    flags: ["--daemon", "-D"],
    takes: "restart",
    summary: "Run in the background.",
    details:
      "The command returns once every worker is ready, with status 0; where the start fails it prints why and returns the server's own status. The server runs in a session of its own, without a terminal, and its standard streams are `/dev/null`: set `errorlog`, and `pidfile` to find it again.",
  }),
  enableStdioInheritance: setting(bool(), {
    default: false,
    flags: ["--enable-stdio-inheritance", "-R"],
    takes: "restart",
    summary: "With `daemon`, keep standard output and standard error where they are not a terminal.",
  }),
  pidfile: setting(optional(path()), {
    default: null,
    flags: ["--pid", "-p"],
    takes: "at once",
    summary: "A file to write the arbiter's process number to.",
  }),
  umask: setting(umask(), {
    default: 0,
    flags: ["--umask", "-m"],
    takes: "new workers",
    summary: "The mode mask for files and Unix sockets that are made.",
    details:
      "`022` and `0o22` are octal, as in Gunicorn; `18` is the same number. A number in a file is taken as it is: write `0o22`. Log files and the pid file are made with mode 0644, less this and less the umask that the server was started with.",
  }),
  user: setting(optional(account("user")), {
    default: null,
    flags: ["--user", "-u"],
    takes: "new workers",
    summary: "The user workers run as, by name or number; by default the one that started the server.",
    details: `A worker becomes that user before it loads the application. It has read the [hooks](#hooks) of the configuration file by then, so
that nobody else than root has to be able to read that file, with what it imports. Only \`threaded\` workers must be able to as that user, as
each thread reads it for itself; and so it is with what a hook itself imports or reads.`,
  }),
  group: setting(optional(account("group")), {
    default: null,
    flags: ["--group", "-g"],
    takes: "new workers",
    summary:
      "The group workers run as, by name or number; by default the user's primary group where `user` is set, or else the one that started the server.",
  }),
  initgroups: setting(bool(), {
    default: false,
    flags: ["--initgroups"],
    takes: "new workers",
    summary: "Give workers all the groups their user is in.",
  }),
  procName: setting(optional(string({ metavar: "NAME" })), {
    default: null,
    flags: ["--name", "-n"],
    takes: "new workers",
    summary: "The name in the list of processes; by default the application's.",
  }),
} as const;
