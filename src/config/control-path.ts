// Where the control socket of a server with a pid file is. The server and tgunicornctl have to agree on it.

/** `/run/app.pid` has `/run/app.ctl`, and `/run/app.pid.2`, of an upgrade that is under way, `/run/app.ctl.2`. */
export const besidePidfile = (pidfile: string): string =>
  /\.pid(\.2)?$/.test(pidfile) ? pidfile.replace(/\.pid(\.2)?$/, ".ctl$1") : `${pidfile}.ctl`;
