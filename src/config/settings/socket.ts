import { address } from "../address.ts";
import { int, mode, oneOf } from "../codec.ts";
import { list, optional } from "../codec-lists.ts";
import { setting } from "../setting.ts";

export const socket = {
  bind: setting(list(address(), { commas: true, repeatable: true, atLeastOne: "at least one address" }), {
    default: [{ kind: "tcp", host: "127.0.0.1", port: 8000 }],
    flags: ["--bind", "-b"],
    environment: {
      name: "PORT",
      text: {
        expected: "a port from 0 to 65535",
        from: (port) => (/^\d+$/.test(port) && Number(port) <= 65535 ? `0.0.0.0:${port}` : undefined),
      },
    },
    takes: "new workers",
    summary: "An address to listen on; may be given several times.",
    details: `| written | listens on |
| --- | --- |
| \`127.0.0.1:8000\`, \`localhost:8000\` | that address |
| \`:8000\` | every IPv4 address, port 8000 |
| \`8000\` | 127.0.0.1, port 8000 |
| \`example.test\` | that host, port 8000 |
| \`[::1]:8000\`, \`[::]:8000\` | IPv6 |
| \`unix:/run/app.sock\` | a Unix socket |
| \`fd://3\` | a listening socket that was inherited |
| \`fd://web\` | every socket of that name from systemd (\`FileDescriptorName=\`) |
| \`uwsgi://127.0.0.1:3031\`, \`fastcgi://unix:/run/app.sock\`, \`scgi://fd://3\`, \`http://...\`, \`https://...\` | any of the above, and what is spoken there |

Without a protocol before it, \`protocol\` says what is spoken; \`tcp://\` before a host is allowed. Where the variable \`PORT\` is set the default is \`0.0.0.0:$PORT\`.
Sockets that systemd passes (\`LISTEN_FDS\`) are the default where neither \`bind\` nor \`PORT\` is set. They need no \`fd://\`
either: one that listens on an address given here is taken for it.
Addresses given in one place replace those of a weaker one; they are never joined.`,
  }),
  protocol: setting(oneOf(["http", "uwsgi", "fastcgi", "scgi"]), {
    default: "http",
    flags: ["--protocol"],
    takes: "new workers",
    summary: "What is spoken on addresses that don't say so themselves: http, uwsgi, fastcgi or scgi.",
    details:
      "uwsgi, FastCGI and SCGI are for a web server in front, such as nginx with `uwsgi_pass`, that tells who the client is: only peers in `forwardedAllowIps` and those on Unix sockets may connect. See [deploying](deploy.md).",
  }),
  backlog: setting(int({ min: 0, max: 2 ** 31 - 1 }), {
    default: 2048,
    flags: ["--backlog"],
    takes: "new workers",
    summary: "The number of connections that may wait to be accepted.",
    details: "The kernel may lower it (`net.core.somaxconn` on Linux).",
  }),
  socketMode: setting(optional(mode()), {
    default: null,
    flags: ["--socket-mode"],
    takes: "new workers",
    summary: "The mode of Unix sockets that are made; by default what `umask` leaves of 0777.",
    details:
      "Octal, as in `chmod`: `660`, `0660` and `0o660` are the same in text; a number in a file is taken as it is: write `0o660`. The socket belongs to `user` and `group`. A socket that stays open over a reload keeps its mode.",
  }),
} as const;
