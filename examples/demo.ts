// A WSGI-style application. Run it: npx tgunicorn -w 4 --chdir examples demo:app

import { wsgi } from "tgunicorn";

export const app = wsgi((environ, startResponse) => {
  const text = `Hello from ${environ.SERVER_SOFTWARE}, you asked for ${environ.PATH_INFO}\n`;
  startResponse("200 OK", [["Content-Type", "text/plain; charset=utf-8"]]);
  return [text];
});
