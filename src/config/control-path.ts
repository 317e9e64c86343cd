// Where the control socket of a server with a pid file is. The server and tgunicornctl have to agree on it.

/** `/run/app.pid` has `/run/app.ctl`. */
export const besidePidfile = (pidfile: string): string => `${pidfile.replace(/\.pid$/, "")}.ctl`;
